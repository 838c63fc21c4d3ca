import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Tensor, TensorInfo } from '../tensor.js';
import { classMap } from './segmentation/class-map.js';
import type { ScoreGrid } from './segmentation/score-grid.js';
import { type SegmentationSpec, segmentation } from './segmentation.js';

const declares = (shape: readonly number[], type = 'float32'): TensorInfo => ({ name: 'out', type, shape });
const IDENTITY = { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
const SPEC: SegmentationSpec = {
  outputName: 'out',
  kind: 'scores',
  labels: ['ground', 'sky'],
  maskSize: 512,
};

/** An image of that size, stretched over a tensor of 8x8. */
function stretched(width: number, height: number) {
  const toImage = { scaleX: width / 8, scaleY: height / 8, offsetX: 0, offsetY: 0 };
  return { width, height, tensor: { width: 8, height: 8 }, toImage };
}

async function pixelsOf({ mask }: { readonly mask: { readonly png: string } }): Promise<number[]> {
  const image = sharp(Buffer.from(mask.png, 'base64'));
  return [...(await image.extractChannel(0).raw().toBuffer())];
}

/** Scores of a grid of 2x2: sky above, ground below. */
const HALVES: Tensor = {
  type: 'float32',
  data: new Float32Array([0, 0, 9, 9, 9, 9, 0, 0]),
  shape: [2, 2, 2],
};

describe('segmentation', () => {
  it('is a mask of class ids over the whole image, and the share of each class', async () => {
    const answer = segmentation.interpret(new Map([['out', HALVES]]), stretched(6, 4), {}, SPEC);
    expect(answer.classes).toEqual([
      { label: 'ground', class_id: 0, share: 0.5 },
      { label: 'sky', class_id: 1, share: 0.5 },
    ]);
    expect(answer.mask).toMatchObject({ width: 6, height: 4 });
    expect(await pixelsOf(answer)).toEqual([...new Array(12).fill(1), ...new Array(12).fill(0)]);
  });

  it('undoes letterbox: what was padding is not in the mask', async () => {
    // Of a tensor of 8x8 the image takes the upper half; the lower is padding, which the model takes for ground.
    const geometry = {
      width: 16,
      height: 8,
      tensor: { width: 8, height: 8 },
      toImage: { ...IDENTITY, scaleX: 2, scaleY: 2 },
    };
    const answer = segmentation.interpret(new Map([['out', HALVES]]), geometry, {}, SPEC);
    expect(answer.classes).toEqual([{ label: 'sky', class_id: 1, share: 1 }]);
  });

  it('is no larger than the model or the request says, and never larger than the image', () => {
    const size = (width: number, height: number, asked = {}): number[] => {
      const { mask } = segmentation.interpret(
        new Map([['out', HALVES]]),
        stretched(width, height),
        asked,
        SPEC,
      );
      return [mask.width, mask.height];
    };
    expect(size(6000, 4000)).toEqual([512, 341]);
    expect(size(6000, 4000, { mask_size: 60 })).toEqual([60, 40]);
    expect(size(10, 5, { mask_size: 60 })).toEqual([10, 5]);
    expect(size(5000, 1)).toEqual([512, 1]);
  });

  it('may be asked for in a smaller size than the model says, not in a larger one', () => {
    const { properties } = segmentation.parameterSchema({ ...SPEC, maskSize: 300 });
    expect(properties['mask_size']).toMatchObject({ minimum: 1, maximum: 300 });
  });

  it('takes the classes of cells from a model that gives these', async () => {
    const ids: Tensor = { type: 'int64', data: new BigInt64Array([1n, 0n, 0n, 1n]), shape: [2, 2] };
    const spec = { ...SPEC, kind: 'classes' } as const;
    const answer = segmentation.interpret(new Map([['out', ids]]), stretched(4, 2), {}, spec);
    expect(await pixelsOf(answer)).toEqual([1, 1, 0, 0, 0, 0, 1, 1]);
  });

  it('fails with INFERENCE_FAILED where the scores are not numbers', () => {
    const broken: Tensor = { ...HALVES, type: 'float32', data: new Float32Array(8).fill(Number.NaN) };
    expect(() => segmentation.interpret(new Map([['out', broken]]), stretched(2, 2), {}, SPEC)).toThrow(
      expect.objectContaining({ code: 'INFERENCE_FAILED' }) as Error,
    );
  });

  it.each([
    ['scores', declares([-1, 21, 128, 128]), 'scores'],
    ['classes', declares([-1, 512, 512], 'int64'), 'classes'],
    ['classes in one channel', declares([1, 1, 512, 512], 'int32'), 'classes'],
  ])('knows %s by their shape', (_, output, kind) => {
    expect(segmentation.resolve({}, [output]).kind).toBe(kind);
  });

  it('takes the first of two maps, as FCN and DeepLab have them beside an auxiliary one', () => {
    const outputs = ['out', 'aux'].map((name) => ({ ...declares([-1, 21, 520, 520]), name }));
    expect(segmentation.resolve({}, outputs).outputName).toBe('out');
    expect(segmentation.resolve({ name: 'aux' }, outputs).outputName).toBe('aux');
  });

  it.each<[string, Tensor]>([
    ['no grid', { ...HALVES, shape: [8] } as Tensor],
    ['fewer values than its shape says', { ...HALVES, shape: [2, 4, 4] } as Tensor],
    ['one dimension too many', { ...HALVES, shape: [2, 2, 1, 2] } as Tensor],
    ['an empty one', { ...HALVES, data: new Float32Array(0), shape: [2, 0, 2] } as Tensor],
  ])('fails with INFERENCE_FAILED where the output is %s', (_, broken) => {
    expect(() => segmentation.interpret(new Map([['out', broken]]), stretched(2, 2), {}, SPEC)).toThrow(
      expect.objectContaining({ code: 'INFERENCE_FAILED' }) as Error,
    );
  });

  it.each<[string, TensorInfo, object]>([
    ['a depth map', declares([-1, 1, 256, 256]), {}],
    ['scores of the whole image', declares([-1, 1000]), {}],
    ['more classes than a mask has', declares([-1, 300, 64, 64]), {}],
    ['labels for other classes', declares([-1, 21, 64, 64]), { labels: ['a'] }],
  ])('refuses %s as MODEL_INCOMPATIBLE', (_, output, manifest) => {
    expect(() => segmentation.resolve(manifest, [output])).toThrow(
      expect.objectContaining({ code: 'MODEL_INCOMPATIBLE' }) as Error,
    );
  });
});

/** Every class at every pixel, without any short cut. */
function slowClassMap({ values, classes, width, height }: ScoreGrid, scale: number, size: number): number[] {
  const at = (pixel: number, cells: number) => Math.min(Math.max((pixel + 0.5) * scale - 0.5, 0), cells - 1);
  const mask: number[] = [];
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const [u, v] = [at(x, width), at(y, height)];
      const scores = Array.from({ length: classes }, (_, classId) => {
        const score = (column: number, row: number) => values[(classId * height + row) * width + column] ?? 0;
        const line = (row: number) =>
          score(Math.floor(u), row) * (1 - (u % 1)) + score(Math.ceil(u), row) * (u % 1);
        return line(Math.floor(v)) * (1 - (v % 1)) + line(Math.ceil(v)) * (v % 1);
      });
      mask.push(scores.indexOf(Math.max(...scores)));
    }
  }
  return mask;
}

describe('the class map', () => {
  it.each([0.25, 0.5, 1, 2])(
    'at %d cells a pixel is what all classes at all pixels make it, equal ones included',
    (scale) => {
      // Small whole numbers, so that sums are exact and many scores are equal.
      const scores = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 5 * 8 * 8, maxLength: 5 * 8 * 8 });
      fc.assert(
        fc.property(scores, (values) => {
          const grid = { values: Float32Array.from(values), classes: 5, width: 8, height: 8 };
          const size = 8 / scale;
          const mask = classMap(grid, { ...IDENTITY, scaleX: scale, scaleY: scale }, size, size);
          expect([...mask]).toEqual(slowClassMap(grid, scale, size));
        }),
        { numRuns: 25 },
      );
    },
  );

  it('is the best class of each cell where mask and grid are the same', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 36, maxLength: 36 }), (values) => {
        const grid = { values: Float32Array.from(values), classes: 3, width: 4, height: 3 };
        const expected = Array.from({ length: 12 }, (_, cell) => {
          const scores = [0, 1, 2].map((classId) => values[classId * 12 + cell] ?? 0);
          return scores.indexOf(Math.max(...scores));
        });
        expect([...classMap(grid, IDENTITY, 4, 3)]).toEqual(expected);
      }),
    );
  });

  it('puts the edge where interpolated scores are equal, and not where cells end', () => {
    // Scores of two cells: 3 and -1 against 0 and 0. They meet three quarters of the way from one middle to the other.
    const grid = { values: new Float32Array([0, 0, 3, -1]), classes: 2, width: 2, height: 1 };
    const mask = classMap(grid, { ...IDENTITY, scaleX: 2 / 80, scaleY: 1 }, 80, 1);
    expect(mask.indexOf(0)).toBe(20 + 30);
  });
});
