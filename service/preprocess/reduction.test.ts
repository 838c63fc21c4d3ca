import { describe, expect, it } from 'vitest';
import { specOf } from './decoder.test-support.js';
import { placement } from './geometry.js';
import { reducedSize } from './reduction.js';
import { apart, HEIGHT, WIDTH } from './reduction.test-support.js';
import { encoderOf, photograph, picture, storedFor } from './samples.test-support.js';

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
});

describe('reducedSize', () => {
  it('keeps four times what the resize needs, and is a whole fraction', () => {
    expect(reducedSize(specOf('bilinear', 'stretch', 224), { width: 4000, height: 3000 }, 'jpeg')).toEqual({
      width: 1333,
      height: 1000,
    });
    expect(reducedSize(specOf('lanczos', 'stretch', 64), { width: 2404, height: 1804 }, 'jpeg')).toEqual({
      width: 343,
      height: 258,
    });
  });

  it('leads to the same size as the whole image, for every rule', () => {
    for (const rule of ['stretch', 'cover', 'letterbox'] as const) {
      for (const size of [
        { width: 2404, height: 1804 },
        { width: 2001, height: 2003 },
        { width: 8000, height: 601 },
      ]) {
        const spec = specOf('bilinear', rule);
        const { width, height } = reducedSize(spec, size, 'jpeg') ?? size;
        const [reduced, exact] = [placement(spec, width, height), placement(spec, size.width, size.height)];
        expect([reduced.resizedWidth, reduced.resizedHeight]).toEqual([
          exact.resizedWidth,
          exact.resizedHeight,
        ]);
      }
    }
  });

  it('is not there where the filter picks pixels, the image is small or the input is large', () => {
    const large = { width: 4000, height: 3000 };
    for (const filter of ['nearest', 'opencv-linear', 'box'] as const) {
      expect(reducedSize(specOf(filter), large, 'jpeg')).toBeUndefined();
    }
    expect(reducedSize(specOf('bilinear'), { width: 1999, height: 1999 }, 'jpeg')).toBeUndefined();
    expect(reducedSize(specOf('bilinear', 'stretch', 640), large, 'jpeg')).toBeUndefined();
  });
});
