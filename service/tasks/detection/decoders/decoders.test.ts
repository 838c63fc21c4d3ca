import { describe, expect, it } from 'vitest';
import type { Tensor, TensorInfo } from '../../../tensor.js';
import type { BoxDecoder, Fit } from '../box-decoder.js';
import { type Candidate, Candidates } from '../candidates.js';
import { unitOf } from '../objects.js';
import { BOX_DECODERS } from './decoders.js';

/** A model's outputs, as its file declares them and as one image gets them. */
interface Example {
  readonly decoder: string;
  readonly declared: readonly TensorInfo[];
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly expected: readonly Partial<Candidate>[];
  readonly classes: number | undefined;
}

/** The tensor is 200 wide and 100 high; the object is of class 1, from 20,10 to 60,50, with the score 0.75. */
const CONTEXT = { width: 200, height: 100 };
const OBJECT = { xMin: 20, yMin: 10, xMax: 60, yMax: 50, score: 0.75, classId: 1 };
const THRESHOLD = 0.5;
/** Two squares in each of two cells of 100 pixels, one in the one of 200. */
const PRIORS = { strides: [100, 200], sizes: [[20, 40], [150]], centerVariance: 0.1, sizeVariance: 0.2 };

const floats = (shape: readonly number[], ...values: number[]): Tensor => ({
  type: 'float32',
  data: Float32Array.from(values),
  shape,
});
const declares = (name: string, ...shape: number[]): TensorInfo => ({ name, type: 'float32', shape });
const logit = (probability: number): number => Math.log(probability / (1 - probability));

const EXAMPLES: readonly Example[] = [
  {
    decoder: 'yolo',
    declared: [declares('output0', -1, 6, 8400)],
    // Columns are anchors: the object, and one below the threshold.
    outputs: { output0: floats([6, 2], 40, 1, 30, 1, 40, 1, 40, 1, 0.1, 0.2, 0.75, 0.4) },
    expected: [OBJECT],
    classes: 2,
  },
  {
    decoder: 'yolo-v5',
    declared: [declares('output', 1, 25200, 7)],
    outputs: {
      output: floats([3, 7], 40, 30, 40, 40, 0.75, 0.2, 1, 5, 5, 5, 5, 0.9, 0.5, 0.5, 5, 5, 5, 5, 0.1, 1, 1),
    },
    expected: [OBJECT],
    classes: 2,
  },
  {
    decoder: 'yolo-end-to-end',
    declared: [declares('output0', 1, 300, 6)],
    outputs: { output0: floats([3, 6], 20, 10, 60, 50, 0.75, 1, 9, 9, 99, 99, 0.4, 0, 0, 0, 0, 0, 0, 0) },
    expected: [OBJECT],
    classes: undefined,
  },
  {
    decoder: 'rt-detr',
    declared: [declares('output0', -1, 300, 6 + 1)],
    outputs: { output0: floats([1, 7], 0.2, 0.3, 0.2, 0.4, 0.1, 0.75, 0.2) },
    expected: [OBJECT],
    classes: 3,
  },
  {
    decoder: 'rt-detr',
    declared: [declares('logits', -1, 300, 2), declares('pred_boxes', -1, 300, 4)],
    outputs: {
      logits: floats([2, 2], logit(0.6), logit(0.75), -9, -9),
      pred_boxes: floats([2, 4], 0.2, 0.3, 0.2, 0.4, 0.5, 0.5, 1, 1),
    },
    expected: [{ ...OBJECT, score: 0.6, classId: 0 }, OBJECT],
    classes: 2,
  },
  {
    decoder: 'detr',
    declared: [declares('logits', -1, 100, 3), declares('pred_boxes', -1, 100, 4)],
    outputs: {
      // The second is no object.
      logits: floats([2, 3], Math.log(0.05), Math.log(0.75), Math.log(0.2), 0, 0, 9),
      pred_boxes: floats([2, 4], 0.2, 0.3, 0.2, 0.4, 0.5, 0.5, 1, 1),
    },
    expected: [OBJECT],
    classes: 2,
  },
  {
    decoder: 'ssd',
    declared: [
      declares('num_detections:0', -1),
      declares('detection_boxes:0', -1, -1, 4),
      declares('detection_scores:0', -1, -1),
      declares('detection_classes:0', -1, -1),
    ],
    outputs: {
      'detection_boxes:0': floats([2, 4], 0.1, 0.1, 0.5, 0.3, 0, 0, 0, 0),
      'detection_scores:0': floats([2], 0.75, 0),
      'detection_classes:0': floats([2], 1, 0),
    },
    expected: [OBJECT],
    classes: undefined,
  },
  {
    decoder: 'ssd-corners',
    declared: [declares('scores', 1, 4420, 3), declares('boxes', 1, 4420, 4)],
    outputs: {
      scores: floats([2, 3], 0.2, 0.05, 0.75, 0.9, 0.05, 0.05),
      boxes: floats([2, 4], 0.1, 0.1, 0.3, 0.5, 0, 0, 1, 1),
    },
    expected: [OBJECT],
    classes: 2,
  },
  {
    decoder: 'ssd-offsets',
    declared: [declares('scores', 1, 5, 3), declares('boxes', 1, 5, 4)],
    outputs: {
      // The second prior: 40 pixels around 50,50; its middle is moved by 10,20 to the upper left.
      scores: floats([5, 3], 1, 0, 0, 0.2, 0.05, 0.75, 1, 0, 0, 1, 0, 0, 0.3, 0.65, 0.05),
      boxes: floats([5, 4], 0, 0, 0, 0, -2.5, -5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, Math.log(2) / 0.2, 0),
    },
    // The last: 150 wide and no higher than the tensor, of which its cell is all; then twice as wide.
    expected: [OBJECT, { xMin: -50, yMin: 0, xMax: 250, yMax: 100, score: 0.65, classId: 0 }],
    classes: 2,
  },
  {
    decoder: 'torchvision',
    declared: [declares('2712', -1, 4), { name: '2713', type: 'int64', shape: [-1] }, declares('2714', -1)],
    outputs: {
      2712: floats([2, 4], 20, 10, 60, 50, 0, 0, 1, 1),
      2713: { type: 'int64', data: new BigInt64Array([1n, 7n]), shape: [2] },
      2714: floats([2], 0.75, 0.1),
    },
    expected: [OBJECT],
    classes: undefined,
  },
];

function named(name: string): BoxDecoder {
  const found = BOX_DECODERS.find((decoder) => decoder.name === name);
  if (found === undefined) throw new Error(`there is no decoder ${name}`);
  return found;
}

function decode({ decoder, declared }: Example, outputs: Readonly<Record<string, Tensor>>): Candidate[] {
  const context = { ...(named(decoder).fits(declared) as Fit), ...CONTEXT, priors: PRIORS };
  const found = new Candidates({ threshold: THRESHOLD, ...unitOf(named(decoder), CONTEXT) });
  named(decoder).decode(new Map(Object.entries(outputs)), context, found);
  return [...found.bestFirst()]
    .map((position) => found.at(position))
    .sort((a, b) => a.index - b.index || a.classId - b.classId);
}

it('every decoder has an example', () => {
  expect(new Set(EXAMPLES.map(({ decoder }) => decoder))).toEqual(
    new Set(BOX_DECODERS.map(({ name }) => name)),
  );
});

describe.each(EXAMPLES)('$decoder of $declared', (example) => {
  const { decoder, declared, outputs, expected, classes } = example;

  it('knows its outputs, and how many classes they tell apart', () => {
    expect(named(decoder).fits(declared)?.classes).toBe(classes);
  });

  it('finds the object, where it is, and nothing below the threshold', () => {
    const close = ({ classId, ...numbers }: Partial<Candidate>) => ({
      classId,
      ...Object.fromEntries(Object.entries(numbers).map(([key, value]) => [key, expect.closeTo(value, 3)])),
    });
    expect(decode(example, outputs)).toEqual(expected.map((each) => expect.objectContaining(close(each))));
  });

  it('finds nothing in what is not a number', () => {
    const broken = Object.entries(outputs).map(([name, tensor]) => {
      return [
        name,
        tensor.type === 'float32' ? { ...tensor, data: tensor.data.map(() => Number.NaN) } : tensor,
      ];
    });
    expect(decode(example, Object.fromEntries(broken))).toEqual([]);
  });

  it('is the only one to know them, but for DETR’s, which are of two kinds, and those of which one has to be named', () => {
    const fitting = BOX_DECODERS.filter((each) => each.fits(declared)).map(({ name }) => name);
    const kinds = [
      ['rt-detr', 'detr'],
      ['ssd-corners', 'ssd-offsets'],
    ];
    const isShared = declared.some(({ name }) => /boxes$/.test(name));
    expect(fitting).toEqual(isShared ? kinds.find((names) => names.includes(decoder)) : [decoder]);
  });
});

it.each([
  ['scores of classes', [declares('logits', -1, 1000)]],
  ['a map of classes', [declares('logits', -1, 21, 128, 128)]],
  ['features', [declares('last_hidden_state', -1, 197, 768), declares('pooler_output', -1, 768)]],
])('no decoder takes %s for boxes', (_, outputs) => {
  expect(BOX_DECODERS.filter((decoder) => decoder.fits(outputs)).map(({ name }) => name)).toEqual([]);
});
