import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { specOf } from './decoder.test-support.js';
import { placement } from './geometry.js';
import { jpegDivisor, reducedSize } from './reduction.js';
import { decodedFast } from './reduction.test-support.js';
import { difference, encoderOf, type Sample, storedFor } from './samples.test-support.js';

const fast = (...of: Parameters<typeof specOf>) => ({ ...specOf(...of), accuracy: 'fast' as const });

/** Without edges, so that only what moved is seen. */
function ramp(width: number, height: number): Sample {
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [(at % width) / width, Math.trunc(at / width) / height];
    data.set([x * 255, y * 255, 255 - x * 255], at * 3);
  }
  return { width, height, data };
}

/** How much lighter one tensor is than the other in the last quarter: to the right in red, below in green. */
function offAtTheEnd(side: number, channel: number, tensor: Uint8Array, exact: Uint8Array): number {
  let [sum, count] = [0, 0];
  for (let at = 0; at < side * side; at++) {
    const along = channel === 0 ? at % side : Math.trunc(at / side);
    if (along < side * 0.75) continue;
    sum += (tensor[at * 3 + channel] ?? 0) - (exact[at * 3 + channel] ?? 0);
    count += 1;
  }
  return sum / count;
}

describe('a JPEG that may be decoded fast', () => {
  const SIZE = [1003, 754] as const;
  const upright = encoderOf(ramp(...SIZE));
  const turned = encoderOf(storedFor(6, ramp(...SIZE))).withMetadata({ orientation: 6 });

  it.each([
    ['by libjpeg-turbo', 'pool', upright.clone().jpeg({ quality: 95 })],
    ['by sharp, lying on its side', 'off', turned.jpeg({ quality: 95 })],
    ['by sharp, a WebP', 'off', upright.clone().webp({ quality: 95 })],
  ] as const)(
    'is smaller, and lies where the whole one lies: %s',
    async (_, fastDecoders, encoded) => {
      const specs = [
        fast('bilinear', 'stretch', 31),
        fast('opencv-linear', 'cover', 64),
        fast('bicubic', 'letterbox', 100),
      ];
      for (const { spec, image, tensor, exact } of await decodedFast(
        await encoded.toBuffer(),
        specs,
        fastDecoders,
      )) {
        expect([image.width, image.height]).toEqual(SIZE);
        expect(image.pixels.width).toBeLessThan(SIZE[0] / 1.9);
        expect(difference(tensor, exact).mean).toBeLessThanOrEqual(1);
        // Stretched over the whole of its last pixels it would be off by 0.9 to 1.3; sharp, which does, shrinks less.
        for (const channel of [0, 1])
          expect(Math.abs(offAtTheEnd(spec.width, channel, tensor, exact))).toBeLessThan(0.7);
      }
    },
    60_000,
  );

  it('is whole where it is not much larger than the input, and where nobody says fast', () => {
    expect(jpegDivisor(fast('bilinear', 'stretch', 640), { width: 1279, height: 5000 })).toBe(1);
    expect(jpegDivisor(specOf('bilinear', 'stretch', 64), { width: 6000, height: 4000 })).toBe(1);
  });

  it('is divided by no more than leaves the resized image', () => {
    const sides = fc.integer({ min: 1, max: 65_535 });
    const rules = fc.constantFrom('stretch' as const, 'cover' as const, 'letterbox' as const);
    fc.assert(
      fc.property(rules, fc.integer({ min: 1, max: 640 }), sides, sides, (rule, side, width, height) => {
        const spec = fast('opencv-linear', rule, side);
        const divisor = jpegDivisor(spec, { width, height });
        const { resizedWidth, resizedHeight } = placement(spec, width, height);
        const leaves = (by: number): boolean => width / by >= resizedWidth && height / by >= resizedHeight;
        expect(divisor === 1 || leaves(divisor)).toBe(true);
        expect(divisor === 8 || !leaves(divisor * 2)).toBe(true);
      }),
    );
  });

  it('is reduced by sharp to twice the resized image at the least; a PNG only where it always is', () => {
    const large = { width: 1600, height: 1200 };
    const spec = fast('opencv-linear', 'stretch', 224);
    expect(reducedSize(spec, { width: 1800, height: 1350 }, 'jpeg')).toEqual({ width: 600, height: 450 });
    expect(reducedSize(spec, large, 'jpeg')).toBeUndefined();
    expect(reducedSize(spec, large, 'webp')).toEqual({ width: 800, height: 600 });
    expect(reducedSize(spec, large, 'png')).toBeUndefined();
  });
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
