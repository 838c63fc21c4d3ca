import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InputSpec, Pixels } from './image.js';
import { createResampler } from './resample.js';
import { goldenImage, referenceElement, referenceLevels } from './resample-reference.test-support.js';
import type { Tensor } from './tensor-writer.js';

type SpecChange = Partial<Omit<InputSpec, 'resize'>> & { readonly resize?: Partial<InputSpec['resize']> };

function specOf({ resize, ...rest }: SpecChange): InputSpec {
  return {
    layout: 'NHWC',
    type: 'uint8',
    width: 8,
    height: 6,
    channels: 'rgb',
    accuracy: 'exact',
    scale: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    ...rest,
    resize: {
      rule: 'stretch',
      filter: 'bilinear',
      shortestEdge: 8,
      padValue: [114, 114, 114],
      position: 'center',
      ...resize,
    },
  };
}

const CONSTRUCTORS = { float32: Float32Array, float16: Uint16Array, uint8: Uint8Array } as const;

function channelsOf(spec: InputSpec): number {
  return spec.channels === 'grey' ? 1 : 3;
}

function resample(spec: InputSpec, pixels: Pixels): Tensor {
  const tensor = new CONSTRUCTORS[spec.type](spec.width * spec.height * channelsOf(spec));
  createResampler(spec).resampleInto(pixels, tensor, 0);
  return tensor;
}

interface GoldenCase {
  readonly source: [number, number];
  readonly size: [number, number];
  readonly rule: InputSpec['resize']['rule'];
  readonly filter: InputSpec['resize']['filter'];
  readonly channels: 'rgb' | 'grey';
  readonly shortest?: number;
  readonly bytes?: string;
  readonly sha256?: string;
}

const goldenFile = new URL('../test/fixtures/images/resample-golden.json', import.meta.url);
const golden: { cases: GoldenCase[] } = JSON.parse(readFileSync(goldenFile, 'utf8'));

describe('against Pillow and OpenCV', () => {
  for (const each of golden.cases) {
    const [width, height] = each.size;
    const title = `${each.rule} ${each.source.join('x')} to ${each.size.join('x')} ${each.channels}`;
    it(`gives every bit of ${each.filter}: ${title}`, () => {
      const spec = specOf({
        width,
        height,
        channels: each.channels,
        resize: { rule: each.rule, filter: each.filter, shortestEdge: each.shortest ?? width },
      });
      const levels = Buffer.from(resample(spec, goldenImage(...each.source)));
      if (each.bytes !== undefined) expect(levels.toString('base64')).toBe(each.bytes);
      else expect(createHash('sha256').update(levels).digest('hex')).toBe(each.sha256);
    });
  }
});

const specs = fc.record({
  layout: fc.constantFrom('NCHW' as const, 'NHWC' as const),
  type: fc.constantFrom('float32' as const, 'float16' as const, 'uint8' as const),
  width: fc.integer({ min: 1, max: 90 }),
  height: fc.integer({ min: 1, max: 90 }),
  channels: fc.constantFrom('rgb' as const, 'bgr' as const, 'grey' as const),
  resize: fc.record({
    rule: fc.constantFrom('stretch' as const, 'cover' as const, 'letterbox' as const),
    filter: fc.constantFrom(
      ...(['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos', 'opencv-linear'] as const),
    ),
    shortestEdge: fc.integer({ min: 1, max: 100 }),
    padValue: fc.tuple(...[0, 0, 0].map(() => fc.integer({ min: 0, max: 255 }))),
    position: fc.constantFrom('center' as const, 'top-left' as const),
  }),
});

const side = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 120 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 700 }) },
  { weight: 1, arbitrary: fc.constant(1) },
);

function pixelsOf(width: number, height: number, seed: number): Pixels {
  let state = seed | 1;
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    state = Math.imul(state, 1664525) + 1013904223;
    return state >>> 24;
  });
  return { data: data.buffer, width, height };
}

/** The tensor's elements as levels, height x width x channels. */
function levelsOf(spec: InputSpec, tensor: Tensor, fromElement: (element: number) => number): Uint8Array {
  const channels = channelsOf(spec);
  const area = spec.width * spec.height;
  return Uint8Array.from({ length: area * channels }, (_, index) => {
    const at = spec.layout === 'NHWC' ? index : (index % channels) * area + Math.trunc(index / channels);
    return fromElement(tensor[at] ?? Number.NaN);
  });
}

function fromFloat16(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  return (
    (bits & 0x8000 ? -1 : 1) * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15))
  );
}

describe('against the plain reference', () => {
  it('gives the same levels for any size, filter, rule, layout and type', () => {
    fc.assert(
      fc.property(specs, side, side, fc.integer(), (parts, width, height, seed) => {
        const spec: InputSpec = { ...parts, accuracy: 'exact', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };
        const pixels = pixelsOf(width, height, seed);
        const decode = spec.type === 'float16' ? fromFloat16 : (element: number) => element;
        const levels = levelsOf(spec, resample(spec, pixels), decode);
        expect(Buffer.compare(levels, referenceLevels(spec, pixels))).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it('normalises within one step of float32', () => {
    const change = {
      type: 'float32',
      width: 31,
      height: 17,
      scale: 1 / 255,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      resize: { rule: 'letterbox' },
    } as const;
    const pixels = goldenImage(50, 40);
    for (const layout of ['NCHW', 'NHWC'] as const) {
      for (const channels of ['rgb', 'bgr', 'grey'] as const) {
        const spec = specOf({ ...change, layout, channels });
        const levels = referenceLevels(spec, pixels);
        const tensor = resample(spec, pixels);
        const area = spec.width * spec.height;
        const count = channelsOf(spec);
        for (const [index, level] of levels.entries()) {
          const channel = index % count;
          const at = layout === 'NHWC' ? index : channel * area + Math.trunc(index / count);
          const error = Math.abs((tensor[at] ?? Number.NaN) - referenceElement(spec, channel, level));
          expect(error).toBeLessThan(5e-7);
        }
      }
    }
  });
});

describe('a resampler', () => {
  it('writes one image of a batch and leaves its neighbours alone', () => {
    for (const layout of ['NCHW', 'NHWC'] as const) {
      const spec = specOf({ type: 'float32', layout, resize: { rule: 'letterbox' } });
      const elements = spec.width * spec.height * 3;
      const batch = new Float32Array(elements * 3).fill(-7);
      createResampler(spec).resampleInto(goldenImage(5, 9), batch, elements);
      expect(batch.subarray(elements, elements * 2)).toEqual(resample(spec, goldenImage(5, 9)));
      expect(batch.subarray(0, elements).every((value) => value === -7)).toBe(true);
      expect(batch.subarray(elements * 2).every((value) => value === -7)).toBe(true);
    }
  });

  it('gives the same answer whatever it did before', () => {
    const spec = specOf({
      width: 40,
      height: 40,
      resize: { rule: 'cover', filter: 'lanczos', shortestEdge: 50 },
    });
    const resampler = createResampler(spec);
    const sizes = [40, 3, 700, 41, 3, 1].map((width, index) => goldenImage(width, 60 - index * 9));
    for (const pixels of sizes) {
      const tensor = new Uint8Array(40 * 40 * 3);
      resampler.resampleInto(pixels, tensor, 0);
      expect(Buffer.compare(tensor, referenceLevels(spec, pixels))).toBe(0);
    }
  });

  it('is exact where a window has more rows than are kept at once', () => {
    const spec = specOf({ width: 900, height: 2, resize: { filter: 'lanczos' } });
    const pixels = pixelsOf(3, 4001, 1);
    expect(Buffer.compare(resample(spec, pixels) as Uint8Array, referenceLevels(spec, pixels))).toBe(0);
  });

  it('does not hold more memory for larger images or for many sizes', () => {
    const spec = specOf({ type: 'float32', layout: 'NCHW', width: 224, height: 224 });
    const resampler = createResampler(spec);
    const tensor = new Float32Array(224 * 224 * 3);
    const run = (width: number, height: number): void =>
      resampler.resampleInto({ data: new ArrayBuffer(width * height * 3), width, height }, tensor, 0);
    for (let size = 1; size < 900; size += 7) run(size, 901 - size);
    run(65_535, 3);
    run(3, 65_535);
    run(4000, 3000);
    expect(resampler.memoryBytes).toBeLessThan(8 * 1024 * 1024);
    const before = resampler.memoryBytes;
    for (let size = 1; size < 900; size += 5) run(901 - size, size);
    expect(resampler.memoryBytes).toBe(before);
  });

  it('refuses pixels that are fewer than their size says', () => {
    const resampler = createResampler(specOf({}));
    const pixels = { data: new ArrayBuffer(11), width: 2, height: 2 };
    expect(() => resampler.resampleInto(pixels, new Uint8Array(144), 0)).toThrow(RangeError);
  });

  it('refuses a tensor without room for the image', () => {
    const resampler = createResampler(specOf({}));
    expect(() => resampler.resampleInto(goldenImage(2, 2), new Uint8Array(144), 1)).toThrow(RangeError);
    expect(() => resampler.resampleInto(goldenImage(2, 2), new Uint8Array(144), -1)).toThrow(RangeError);
  });
});
