import type { Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { specOf, testDecoder } from './decoder.test-support.js';
import { placement } from './geometry.js';
import type { DecodedImage, InputSpec } from './image.js';
import { reducedSize } from './reduction.js';
import { createResampler } from './resample.js';
import {
  type Difference,
  difference,
  encoderOf,
  photograph,
  picture,
  type Sample,
  storedFor,
} from './samples.test-support.js';

const [WIDTH, HEIGHT] = [2404, 1804];
const SOFT = ['bilinear', 'hamming', 'bicubic', 'lanczos'] as const;

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

function tensorOf(spec: InputSpec, image: DecodedImage): Uint8Array {
  const tensor = new Uint8Array(spec.width * spec.height * 3);
  createResampler(spec).resampleInto(image.pixels, tensor, 0);
  return tensor;
}

const LARGEST = { maxPixels: 6_000_000, concurrency: 1, jpegTurbo: 'off' } as const;
// The reduced size does not depend on the filter, which is ours and runs later.
const reducing = testDecoder({ ...LARGEST, spec: specOf('bilinear', 'stretch', 224) });
const whole = testDecoder({ ...LARGEST, spec: specOf('bilinear', 'stretch', 224), reduce: 'off' });

/** How far the tensors of the reduced and the whole image lie apart, at the worst of all filters. */
async function apart(encoded: Sharp): Promise<Difference> {
  const file = await encoded.toBuffer();
  const [reduced, exact] = [await reducing.decode(file), await whole.decode(file)];
  expect([reduced.width, reduced.height]).toEqual([exact.width, exact.height]);
  expect(reduced.pixels.data.byteLength).toBeLessThan(exact.pixels.data.byteLength / 3.9);
  const found = SOFT.map((filter) => {
    const spec = specOf(filter, 'stretch', 224);
    return difference(tensorOf(spec, reduced), tensorOf(spec, exact));
  });
  const worst = (of: keyof Difference): number => Math.max(...found.map((each) => each[of]));
  return { mean: worst('mean'), p99: worst('p99'), max: worst('max') };
}

describe('an image that is reduced while it is decoded', () => {
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
    expect(reducedSize(specOf('bilinear', 'stretch', 224), { width: 4000, height: 3000 })).toEqual({
      width: 1333,
      height: 1000,
    });
    expect(reducedSize(specOf('lanczos', 'stretch', 64), { width: 2404, height: 1804 })).toEqual({
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
        const { width, height } = reducedSize(spec, size) ?? size;
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
      expect(reducedSize(specOf(filter), large)).toBeUndefined();
    }
    expect(reducedSize(specOf('bilinear'), { width: 1999, height: 1999 })).toBeUndefined();
    expect(reducedSize(specOf('bilinear', 'stretch', 640), large)).toBeUndefined();
  });
});
