import { describe, expect, it } from 'vitest';
import type { ElementType, Tensor, TensorInfo } from '../tensor.js';
import { BOX_DECODERS } from './detection/decoders/decoders.js';
import { MASK_DECODERS } from './instance-segmentation/decoders/decoders.js';
import { POINT_DECODERS } from './keypoints/decoders/decoders.js';
import type { Task } from './task.js';
import { taskNamed } from './tasks.js';

/** A tensor of 64x64 over an image of 200x100. */
const GEOMETRY = {
  width: 200,
  height: 100,
  tensor: { width: 64, height: 64 },
  toImage: { scaleX: 200 / 64, scaleY: 100 / 64, offsetX: 0, offsetY: 0 },
};
const ANCHORS = 2000;
const YUNET_KINDS = { cls: 1, obj: 1, bbox: 4, kps: 10 };

interface Subject {
  readonly task: string;
  readonly decoder: string;
  /** Shapes of its outputs; the first dimension is the batch where they have one. */
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly isBatched?: false;
  readonly manifest?: object;
}

const SUBJECTS: readonly Subject[] = [
  { task: 'detection', decoder: 'yolo', shapes: { output0: [1, 84, ANCHORS] } },
  { task: 'detection', decoder: 'yolo-v5', shapes: { output0: [1, ANCHORS, 85] } },
  { task: 'detection', decoder: 'yolo-end-to-end', shapes: { output0: [1, 300, 6] } },
  { task: 'detection', decoder: 'rt-detr', shapes: { output0: [1, 300, 84] } },
  { task: 'detection', decoder: 'rt-detr', shapes: { logits: [1, 300, 80], pred_boxes: [1, 300, 4] } },
  { task: 'detection', decoder: 'detr', shapes: { logits: [1, 100, 92], pred_boxes: [1, 100, 4] } },
  {
    task: 'detection',
    decoder: 'ssd',
    shapes: { detection_boxes: [1, 100, 4], detection_scores: [1, 100], detection_classes: [1, 100] },
  },
  { task: 'detection', decoder: 'ssd-corners', shapes: { scores: [1, 4420, 2], boxes: [1, 4420, 4] } },
  {
    task: 'detection',
    decoder: 'ssd-offsets',
    shapes: { scores: [1, 4096, 2], boxes: [1, 4096, 4] },
    manifest: { priors: { strides: [1], sizes: [[4]] } },
  },
  {
    task: 'detection',
    decoder: 'torchvision',
    shapes: { boxes: [100, 4], labels: [100], scores: [100] },
    isBatched: false,
  },
  {
    task: 'keypoints',
    decoder: 'yunet',
    shapes: Object.fromEntries(
      [8, 16, 32].flatMap((stride) =>
        Object.entries(YUNET_KINDS).map(([kind, columns]) => [
          `${kind}_${stride}`,
          [1, (64 / stride) ** 2, columns],
        ]),
      ),
    ),
  },
  { task: 'keypoints', decoder: 'yolo-pose', shapes: { output0: [1, 56, ANCHORS] } },
  { task: 'keypoints', decoder: 'yolo-pose-end-to-end', shapes: { output0: [1, 300, 57] } },
  {
    task: 'instance-segmentation',
    decoder: 'yolo-segment',
    shapes: { output0: [1, 116, ANCHORS], output1: [1, 32, 16, 16] },
  },
  {
    task: 'instance-segmentation',
    decoder: 'yolo-segment-end-to-end',
    shapes: { output0: [1, 300, 38], output1: [1, 32, 16, 16] },
  },
  {
    task: 'instance-segmentation',
    decoder: 'mask-rcnn',
    shapes: { boxes: [100, 4], labels: [100], scores: [100], masks: [100, 1, 28, 28] },
    isBatched: false,
  },
];

interface Prepared extends Subject {
  readonly run: (outputs: ReadonlyMap<string, Tensor>) => { readonly predictions: readonly Found[] };
  /** Every value that one. */
  readonly filled: (value: number) => Map<string, Tensor>;
}

interface Found {
  readonly score: number;
  readonly box: Readonly<Record<'x_min' | 'y_min' | 'x_max' | 'y_max', number>>;
}

function prepare(subject: Subject): Prepared {
  const { decoder, shapes, isBatched = true, manifest } = subject;
  const task = taskNamed(subject.task) as Task;
  const declared = Object.entries(shapes).map(([name, shape]): TensorInfo => {
    return {
      name,
      type: name === 'labels' ? 'int64' : 'float32',
      shape: isBatched ? shape : [-1, ...shape.slice(1)],
    };
  });
  const spec = task.resolve({ decoder, ...manifest }, declared);
  return {
    ...subject,
    run: (outputs) => task.interpret(outputs, GEOMETRY, {}, spec) as ReturnType<Prepared['run']>,
    filled: (value) =>
      new Map(
        Object.entries(shapes).map(([name, shape]) => {
          const own = isBatched ? shape.slice(1) : shape;
          return [name, name === 'labels' ? wholes(own) : floats(own, value)];
        }),
      ),
  };
}

const product = (shape: readonly number[]): number => shape.reduce((all, size) => all * size, 1);
const floats = (shape: readonly number[], value: number): Tensor => ({
  type: 'float32',
  data: new Float32Array(product(shape)).fill(value),
  shape,
});
const wholes = (shape: readonly number[]): Tensor => ({
  type: 'int64',
  data: new BigInt64Array(product(shape)).fill(1n),
  shape,
});

/** The same, but not as it was declared. */
const BROKEN: Readonly<Record<string, (tensor: Tensor) => Tensor | undefined>> = {
  missing: () => undefined,
  flat: ({ shape }) => floats([product(shape) + 1], 1),
  'smaller in each dimension': ({ shape }) =>
    floats(
      shape.map((size) => size - 1),
      1,
    ),
  'shorter than its shape': ({ shape }) => ({ ...floats(shape, 1), data: new Float32Array(3) }) as Tensor,
  'of texts': ({ shape }) => ({ type: 'string' as ElementType, data: ['a', 'b'], shape }) as Tensor,
};

it('every decoder of objects is among them', () => {
  const all = [...BOX_DECODERS, ...POINT_DECODERS, ...MASK_DECODERS].map(({ name }) => name);
  expect(new Set(SUBJECTS.map(({ decoder }) => decoder))).toEqual(new Set(all));
});

describe.each(SUBJECTS)('$decoder of $shapes', (subject) => {
  const { run, filled, shapes } = prepare(subject);

  it.each([Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])(
    'finds nothing in %d alone',
    (value) => {
      expect(run(filled(value)).predictions).toEqual([]);
    },
  );

  it('finds nothing where there is nothing', () => {
    expect(
      run(filled(subject.decoder === 'rt-detr' || subject.decoder === 'detr' ? -9 : 0)).predictions,
    ).toEqual([]);
  });

  it('answers with a limited number of boxes, all within the image, where every score is the highest', () => {
    const outputs = filled(0.9);
    for (const [name, tensor] of outputs) {
      if (tensor.type === 'float32')
        tensor.data.forEach((_, at) => {
          if (/boxes|output/.test(name)) tensor.data[at] = 0.5 + ((at * 7919) % 1000) / 2000;
        });
    }
    const { predictions } = run(outputs);
    expect(predictions.length).toBeLessThanOrEqual(300);
    for (const { score, box } of predictions) {
      expect(score).toBeLessThanOrEqual(1);
      expect(Object.values(box).every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
      expect([box.x_max <= 200, box.y_max <= 100]).toEqual([true, true]);
    }
  });

  const faults = Object.keys(shapes).flatMap((name) =>
    Object.keys(BROKEN).map((fault) => [name, fault] as const),
  );
  it.each(faults)('fails with INFERENCE_FAILED, or finds nothing, where %s is %s', (name, fault) => {
    const outputs = filled(0.9);
    const broken = BROKEN[fault]?.(outputs.get(name) as Tensor);
    if (broken === undefined) outputs.delete(name);
    else outputs.set(name, broken);
    expect(outcome(() => run(outputs).predictions)).toMatch(/^(INFERENCE_FAILED|nothing)$/);
  });
});

function outcome(work: () => readonly unknown[]): string {
  try {
    const found = work();
    return found.length === 0 ? 'nothing' : `${found.length} objects`;
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}
