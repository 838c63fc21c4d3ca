import sharp from 'sharp';
import { type Attack, pause, repeat, Tally } from './attack.js';
import { exchange } from './exchange.js';

const AT_ONCE = 64;
/** 25 megapixels: as many as default settings allow. */
const SIDE = 5000;
/** So that those who were admitted are answered before the next come. */
const PAUSE_MS = 3000;

/** A PNG of 25 megapixels that costs what a screenshot costs: blocks of colour, 75 MB of pixels in about 1 MB. */
export function largePng(): Promise<Buffer> {
  const blocks = Buffer.alloc(250 * 250 * 3);
  for (let at = 0, state = 1; at < blocks.length; at++) {
    state = (state * 48_271) % 0x7fffffff;
    blocks[at] = state >> 8;
  }
  return sharp(blocks, { raw: { width: 250, height: 250, channels: 3 } })
    .resize(SIDE, SIDE, { kernel: 'nearest' })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

export const largePngs: Attack = {
  name: 'large-pngs',
  what: '64 PNGs of 25 megapixels at once, and again when they are answered',
  async run(target, signal) {
    const tally = new Tally();
    const given = { path: '/predict', headers: { 'content-type': 'image/png' }, body: await largePng() };
    await repeat(1, signal, async () => {
      const answers = Array.from({ length: AT_ONCE }, () => exchange(target, given, signal));
      for (const outcome of await Promise.all(answers)) tally.add(outcome);
      await pause(PAUSE_MS, signal);
    });
    return tally;
  },
};
