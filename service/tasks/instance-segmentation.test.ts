import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Tensor, TensorInfo } from '../tensor.js';
import { type InstanceSpec, instanceSegmentation } from './instance-segmentation.js';
import { taskFor } from './tasks.js';

const declares = (name: string, ...shape: number[]): TensorInfo => ({ name, type: 'float32', shape });
const floats = (shape: readonly number[], values: Iterable<number>): Tensor => ({
  type: 'float32',
  data: Float32Array.from(values),
  shape,
});
/** A tensor of 64x64 over an image of 128x128. */
const GEOMETRY = {
  width: 128,
  height: 128,
  tensor: { width: 64, height: 64 },
  toImage: { scaleX: 2, scaleY: 2, offsetX: 0, offsetY: 0 },
};
/** Two of 16x16: the left half, and the upper half. */
const PROTOTYPES = floats(
  [2, 16, 16],
  [0, 1].flatMap((axis) =>
    Array.from({ length: 256 }, (_, cell) => ((axis === 0 ? cell % 16 : Math.trunc(cell / 16)) < 8 ? 1 : -1)),
  ),
);
const labels = ['cat', 'dog'];
/** Of 16,16 to 48,48 of the tensor the left half is a dog. */
const BOX = { x_min: 32, y_min: 32, x_max: 96, y_max: 96 };

const YOLO = [declares('output0', -1, 4 + 2 + 2, 8400), declares('output1', -1, 2, 16, 16)];
const YOLO_OUTPUTS = new Map([
  ['output0', floats([8, 2], [32, 0, 32, 0, 32, 0, 32, 0, 0.1, 0, 0.9, 0, 3, 0, 0, 0])],
  ['output1', PROTOTYPES],
]);
const END_TO_END = [declares('output0', -1, 300, 8), declares('output1', -1, 2, 16, 16)];
const END_TO_END_OUTPUTS = new Map([
  ['output0', floats([2, 8], [16, 16, 48, 48, 0.9, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
  ['output1', PROTOTYPES],
]);
const MASK_RCNN = [
  declares('boxes', -1, 4),
  { name: 'labels', type: 'int64', shape: [-1] },
  declares('scores', -1),
  declares('masks', -1, 1, -1, -1),
];
const found = (masks: Tensor): Map<string, Tensor> =>
  new Map<string, Tensor>([
    ['boxes', floats([1, 4], [16, 16, 48, 48])],
    ['labels', { type: 'int64', data: new BigInt64Array([1n]), shape: [1] }],
    ['scores', floats([1], [0.9])],
    ['masks', masks],
  ]);
const PASTED = found(
  floats(
    [1, 1, 64, 64],
    Array.from({ length: 64 * 64 }, (_, pixel) => (pixel % 64 < 32 ? 0.9 : 0.1)),
  ),
);
/** Of 4x4 cells the left ones are as sure as those of the padding are not. */
const OVER_BOX = found(
  floats(
    [1, 1, 4, 4],
    Array.from({ length: 16 }, (_, cell) => (cell % 4 < 2 ? 1 : 0)),
  ),
);

/** Of numbers whose bits fit: the sign, exponents above the smallest, and ten bits of the fraction. */
function halfOf(tensor: Tensor): Tensor {
  if (tensor.type !== 'float32') return tensor;
  const bits = new Uint32Array(tensor.data.buffer.slice(0));
  const half = (each: number): number =>
    each << 1 === 0
      ? 0
      : ((each >>> 16) & 0x8000) | ((((each >>> 23) & 0xff) - 112) << 10) | ((each >>> 13) & 0x3ff);
  return { type: 'float16', data: Uint16Array.from(bits, half), shape: tensor.shape };
}

/** Row by row, 1 where the object is. */
async function pixelsOf({ png }: { readonly png: string }): Promise<number[]> {
  const pixels = await sharp(Buffer.from(png, 'base64')).toColourspace('b-w').raw().toBuffer();
  return [...pixels].map((level) => level / 255);
}

describe.each([
  ['yolo-segment', YOLO, YOLO_OUTPUTS],
  ['yolo-segment-end-to-end', END_TO_END, END_TO_END_OUTPUTS],
  ['mask-rcnn', MASK_RCNN, PASTED],
] as const)('an instance by %s', (decoder, declared, outputs) => {
  const spec = instanceSegmentation.resolve({ labels }, declared);

  it('is known by its outputs', () => {
    expect(taskFor(declared).name).toBe('instance-segmentation');
    expect(spec.decoder).toBe(decoder);
  });

  it('has a box, and a mask of the pixels in it that are its own', async () => {
    const { predictions } = instanceSegmentation.interpret(outputs, GEOMETRY, {}, spec);
    expect(predictions).toEqual([
      {
        label: 'dog',
        class_id: 1,
        score: 0.9,
        box: BOX,
        area: 32 * 64,
        mask: { box: BOX, width: 64, height: 64, png: expect.any(String) },
      },
    ]);
    const row = [...new Array(32).fill(1), ...new Array(32).fill(0)];
    const [{ mask } = { mask: { png: '' } }] = predictions;
    expect(await pixelsOf(mask)).toEqual(Array.from({ length: 64 }, () => row).flat());
  });

  it('has its mask where the image lies in a letterbox, and nothing of it beyond', () => {
    // The image takes the middle rows of the tensor, 16 to 48.
    const geometry = { ...GEOMETRY, height: 64, toImage: { ...GEOMETRY.toImage, offsetY: -32 } };
    const [first] = instanceSegmentation.interpret(outputs, geometry, {}, spec).predictions;
    expect(first?.mask.box).toEqual({ x_min: 32, y_min: 0, x_max: 96, y_max: 64 });
    expect(first?.area).toBe(32 * 64);
  });

  it('has a mask no larger than asked for, of the same part of the image', async () => {
    const [first] = instanceSegmentation.interpret(outputs, GEOMETRY, { mask_size: 4 }, spec).predictions;
    expect(first).toMatchObject({ area: 32 * 64, mask: { box: BOX, width: 4, height: 4 } });
    expect(await pixelsOf(first?.mask ?? { png: '' })).toEqual([1, 2, 3, 4].flatMap(() => [1, 1, 0, 0]));
  });

  it('fails with INFERENCE_FAILED where its masks are of another shape', () => {
    const masks = declared.at(-1)?.name ?? '';
    for (const broken of [
      floats([3], [1, 2, 3]),
      floats([9, 16, 16], new Array(9 * 256).fill(1)),
      undefined,
    ]) {
      const changed = new Map(outputs);
      if (broken === undefined) changed.delete(masks);
      else changed.set(masks, broken);
      expect(() => instanceSegmentation.interpret(changed, GEOMETRY, {}, spec)).toThrow(
        expect.objectContaining({ code: 'INFERENCE_FAILED' }) as Error,
      );
    }
  });

  it('is the same where the outputs are of 16-bit floats', () => {
    const halves = new Map([...outputs].map(([name, tensor]) => [name, halfOf(tensor)]));
    const [expected] = instanceSegmentation.interpret(outputs, GEOMETRY, {}, spec).predictions;
    const [first] = instanceSegmentation.interpret(halves, GEOMETRY, {}, spec).predictions;
    expect(first).toEqual({ ...expected, score: expect.closeTo(0.9, 3) });
  });

  it('has an empty mask where its values are not numbers', () => {
    const masks = declared.at(-1)?.name ?? '';
    const tensor = outputs.get(masks) as Tensor & { readonly type: 'float32' };
    const changed = new Map(outputs).set(masks, { ...tensor, data: tensor.data.map(() => Number.NaN) });
    expect(instanceSegmentation.interpret(changed, GEOMETRY, {}, spec).predictions[0]?.area).toBe(0);
  });
});

it('a mask that lies over its box fades towards the edges, as where it is pasted', () => {
  const spec = instanceSegmentation.resolve({ labels }, MASK_RCNN);
  const [first] = instanceSegmentation.interpret(OVER_BOX, GEOMETRY, {}, spec).predictions;
  // A cell is 16 pixels. Between 1 and the 0 beyond the box the middle is the box's edge: all of the left half is above 0.5 but corners.
  expect(first?.area).toBeGreaterThan(32 * 64 - 128);
  expect(first?.area).toBeLessThan(32 * 64);
});

describe('many masks', () => {
  const rows = (count: number): Tensor =>
    floats([count, 8], Array.from({ length: count }, () => [0, 0, 64, 64, 0.9, 1, 1, 0]).flat());
  const large = {
    ...GEOMETRY,
    width: 4000,
    height: 2000,
    toImage: { scaleX: 62.5, scaleY: 31.25, offsetX: 0, offsetY: 0 },
  };
  const sizes = (count: number, manifest = {}): readonly { width: number; height: number }[] => {
    const spec: InstanceSpec = instanceSegmentation.resolve({ labels, ...manifest }, END_TO_END);
    const outputs = new Map([
      ['output0', rows(count)],
      ['output1', PROTOTYPES],
    ]);
    return instanceSegmentation.interpret(outputs, large, {}, spec).predictions.map(({ mask }) => mask);
  };

  it('are each as large as the model says', () => {
    expect(sizes(2)).toMatchObject([
      { width: 512, height: 256 },
      { width: 512, height: 256 },
    ]);
    expect(sizes(1, { mask_size: 1024 })).toMatchObject([{ width: 1024, height: 512 }]);
  });

  it('are smaller where they are too many for an answer', () => {
    const masks = sizes(100, { mask_size: 1024 });
    expect(masks).toHaveLength(100);
    expect(masks.reduce((sum, { width, height }) => sum + width * height, 0)).toBeLessThan(2_000_001);
    expect(masks[0]).toMatchObject({ width: 200, height: 100 });
  });
});

describe('golden instances', () => {
  const spec = instanceSegmentation.resolve({ labels }, YOLO);
  const given = instanceSegmentation.interpret(YOLO_OUTPUTS, GEOMETRY, {}, spec);
  const golden = (area: number | undefined, rest = {}) => ({
    file: 'golden.png',
    predictions: [{ label: 'dog', score: 0.9, box: BOX, ...(area !== undefined && { area }) }],
    tolerance: 0.01,
    ...rest,
  });

  it('agree by label, score, box and area', () => {
    expect(instanceSegmentation.differs(golden(2000), given)).toBeUndefined();
    expect(instanceSegmentation.differs(golden(undefined), given)).toBeUndefined();
    expect(instanceSegmentation.differs(golden(1000), given)).toBeDefined();
    expect(instanceSegmentation.differs(golden(2000, { area_tolerance: 0.01 }), given)).toBeDefined();
  });
});

describe('a model', () => {
  it.each([
    ['boxes without masks', [declares('output0', -1, 84, 8400)]],
    ['a map of classes', [declares('logits', -1, 21, 128, 128)]],
    ['rows for prototypes alone', [declares('output0', -1, 36, 8400), declares('output1', -1, 32, 160, 160)]],
    [
      'another number of prototypes',
      [declares('output0', -1, 300, 38), declares('output1', -1, 16, 160, 160)],
    ],
  ])('with %s is none of these', (_, declared) => {
    expect(instanceSegmentation.recognises(declared)).toBe(false);
    expect(() => instanceSegmentation.resolve({}, declared)).toThrow(
      expect.objectContaining({ code: 'MODEL_INCOMPATIBLE' }) as Error,
    );
  });
});
