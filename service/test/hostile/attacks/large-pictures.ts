import { type Attack, pause, repeat, Tally } from './attack.js';
import { exchange } from './exchange.js';
import { largePng } from './large-pngs.js';

const AT_ONCE = 64;
/** So that those who were admitted are answered before the next come. */
const PAUSE_MS = 3000;

export const largePictures: Attack = {
  name: 'large-pictures',
  what: '64 pictures of PNGs of 25 megapixels at once, in the format that takes longest, and again when they are there',
  async run(target, signal) {
    const tally = new Tally();
    const headers = { 'content-type': 'image/png', accept: 'image/webp' };
    const given = { path: '/predict', headers, body: await largePng() };
    await repeat(1, signal, async () => {
      const answers = Array.from({ length: AT_ONCE }, () => exchange(target, given, signal));
      for (const outcome of await Promise.all(answers)) tally.add(outcome);
      await pause(PAUSE_MS, signal);
    });
    return tally;
  },
};
