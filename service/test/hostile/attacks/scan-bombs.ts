import { scanBomb } from '../../support/scan-bomb.js';
import { type Attack, inTurn, repeat, Tally } from './attack.js';
import { exchange } from './exchange.js';

const CLIENTS = 4;

/** The sizes are those with which one file took 14 and more than 145 seconds of a core. */
export const SCAN_BOMBS = [
  { width: 2000, height: 2000, scans: 3000 },
  { width: 5000, height: 5000, scans: 3000 },
  { width: 1024, height: 1024, scans: 20_000 },
  { width: 64, height: 64, scans: 100_000 },
] as const;

export const scanBombs: Attack = {
  name: 'scan-bombs',
  what: 'progressive JPEGs of thousands of scans, four at once',
  async run(target, signal) {
    const tally = new Tally();
    const files = SCAN_BOMBS.map(scanBomb);
    const headers = { 'content-type': 'image/jpeg' };
    await repeat(CLIENTS, signal, async (client, round) => {
      const body = inTurn(files, client, round);
      tally.add(await exchange(target, { path: '/predict', headers, body }, signal));
    });
    return tally;
  },
};
