import { describe, expect, it } from 'vitest';
import { apart, HEIGHT, WIDTH } from './reduction.test-support.js';
import { encoderOf, photograph, picture, type Sample, storedFor } from './samples.test-support.js';

/** What is hardest to make smaller in two steps: nothing but black and white, at all sizes of detail. */
const HARD: Readonly<Record<string, (x: number, y: number) => number>> = {
  halftone: (x, y) => (Math.cos((x + y) / 1.35) + Math.cos((x - y) / 1.35) < Math.sin(x / 190) ? 255 : 0),
  'halftone, finer': (x, y) => (Math.cos(x / 0.95) + Math.cos(y / 0.95) < Math.sin(y / 150) ? 255 : 0),
  text: (x, y) => (y % 36 > 27 || x % 21 > 17 || scattered(x / 3, y / 3) < 0.55 ? 255 : 0),
  'large blocks': (x, y) => (scattered(x / 8, y / 8) < 0.5 ? 255 : 0),
  'stripes of a pixel': (x) => (x % 3 === 0 ? 255 : 0),
  noise: (x, y) => (scattered(x, y) < 0.5 ? 255 : 0),
  specks: (x, y) => (scattered(x, y) < 0.1 ? 255 : 0),
};

function scattered(x: number, y: number): number {
  const mixed = Math.imul(Math.trunc(x) * 374_761_393 + Math.trunc(y) * 668_265_263, 1_274_126_177);
  return ((mixed ^ (mixed >>> 13)) >>> 8) / 2 ** 24;
}

function drawn(level: (x: number, y: number) => number): Sample {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let pixel = 0; pixel < WIDTH * HEIGHT; pixel++) {
    data.fill(level(pixel % WIDTH, Math.trunc(pixel / WIDTH)), pixel * 3, pixel * 3 + 3);
  }
  return { width: WIDTH, height: HEIGHT, data };
}

describe('an image that is reduced while it is decoded', () => {
  it.each(['jpeg', 'png', 'webp'] as const)(
    'stays close on what is like a photograph: %s',
    async (format) => {
      for (const sample of [photograph(WIDTH, HEIGHT), picture(WIDTH, HEIGHT)]) {
        const found = await apart(
          encoderOf(sample).toFormat(format, format === 'png' ? { compressionLevel: 1 } : {}),
        );
        expect(found.mean).toBeLessThanOrEqual(1);
        expect(found.p99).toBeLessThanOrEqual(3);
      }
    },
    60_000,
  );

  it('is upright, in ink and in light', async () => {
    const turned = encoderOf(storedFor(6, picture(WIDTH, HEIGHT))).withMetadata({ orientation: 6 });
    expect((await apart(turned.jpeg())).mean).toBeLessThanOrEqual(1);
    const ink = encoderOf(picture(WIDTH, HEIGHT)).toColourspace('cmyk').jpeg();
    expect((await apart(ink)).mean).toBeLessThanOrEqual(1);
  }, 60_000);

  it.each(Object.keys(HARD))(
    'stays within the bounds on the hardest pictures: %s',
    async (name) => {
      const sample = drawn(HARD[name] ?? (() => 0));
      for (const quality of [50, 90]) {
        const found = await apart(encoderOf(sample).greyscale().jpeg({ quality }));
        expect(found.mean).toBeLessThanOrEqual(2.5);
        expect(found.p99).toBeLessThanOrEqual(9);
        expect(found.max).toBeLessThanOrEqual(15);
      }
    },
    60_000,
  );
});
