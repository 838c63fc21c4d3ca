import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { specOf } from './decoder.test-support.js';
import { inputFor } from './geometry.js';
import type { InputSpec, Pixels } from './image.js';
import { PixelResizer } from './pixel-resizer.js';
import { createResampler } from './resample.js';
import { photograph } from './samples.test-support.js';

const RULES = ['stretch', 'cover', 'letterbox', 'fit'] as const;
const FILTERS = ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos', 'opencv-linear'] as const;

function pixelsOf(width: number, height: number): Pixels {
  return { width, height, data: Uint8Array.from(photograph(width, height).data).buffer };
}

function spec(
  rule: InputSpec['resize']['rule'],
  filter: InputSpec['resize']['filter'],
  change: Partial<InputSpec> = {},
): InputSpec {
  const plain = specOf(filter, rule, 24);
  const resize = { ...plain.resize, longestEdge: 41, multipleOf: 2, padValue: [114] };
  return { ...plain, type: 'float32', scale: 1 / 255, mean: [0.4], std: [0.2], resize, ...change };
}

function tensorOf(input: InputSpec, pixels: Pixels, image: Pixels): Float32Array {
  const own = inputFor(input, image.width, image.height);
  const tensor = new Float32Array(own.width * own.height * 3);
  createResampler(own).resampleInto(pixels, tensor, 0);
  return tensor;
}

describe('pixels resized where they were decoded', () => {
  it('lead to the same input, to the bit, whatever the rule, the filter and the channels', () => {
    const size = fc.integer({ min: 1, max: 150 });
    const channels = fc.constantFrom('rgb', 'bgr', 'grey');
    const input = fc.tuple(fc.constantFrom(...RULES), fc.constantFrom(...FILTERS), channels);
    fc.assert(
      fc.property(size, size, input, (width, height, [rule, filter, channels]) => {
        const model = spec(rule, filter, { channels });
        const image = pixelsOf(width, height);
        const resized = new PixelResizer(model).resize(image, image);
        expect(resized.data.byteLength).toBe(resized.width * resized.height * 3);
        expect(tensorOf(model, resized, image)).toEqual(tensorOf(model, image, image));
      }),
      { numRuns: 300 },
    );
  });

  it.each(RULES)('are no more than the input shows: %s', (rule) => {
    const image = pixelsOf(300, 200);
    const { width, height } = new PixelResizer(spec(rule, 'bilinear')).resize(image, image);
    expect(width * height).toBeLessThanOrEqual(41 * 28);
  });

  it('stay as they are where that would make more of them', () => {
    const small = pixelsOf(20, 20);
    expect(new PixelResizer(spec('stretch', 'bilinear')).resize(small, small)).toBe(small);
  });

  it('lie where the image lies that was decoded at a fraction of its size', () => {
    const model = spec('stretch', 'bilinear');
    const extent = { width: 75.25, height: 60.5 };
    const decoded = { ...pixelsOf(76, 61), extent };
    const resized = new PixelResizer(model).resize(decoded, { width: 301, height: 242 });
    expect([resized.width, resized.height, resized.extent]).toEqual([24, 24, undefined]);
    expect(tensorOf(model, resized, decoded)).toEqual(tensorOf(model, decoded, decoded));
  });
});
