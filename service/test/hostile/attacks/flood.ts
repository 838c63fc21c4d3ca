import { Agent } from 'node:http';
import { plainPng } from '../../support/images.js';
import { type Attack, pause, repeat, Tally } from './attack.js';
import { exchange } from './exchange.js';

const CLIENTS = 256;
const BACK_AFTER_MS = 50;

export const flood: Attack = {
  name: 'flood',
  what: '256 clients that come back 50 ms after each answer, whatever Retry-After says',
  async run(target, signal) {
    const tally = new Tally();
    const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
    const body = await plainPng({ r: 90, g: 120, b: 30 }, 64, 64);
    const given = { path: '/predict', headers: { 'content-type': 'image/png' }, body, agent };
    await repeat(CLIENTS, signal, async () => {
      tally.add(await exchange(target, given, signal));
      await pause(BACK_AFTER_MS, signal);
    });
    agent.destroy();
    return tally;
  },
};
