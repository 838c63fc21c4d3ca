import { describe, expect, it } from 'vitest';
import type { Tensor, TensorInfo } from '../tensor.js';
import { keypoints } from './keypoints.js';

const declares = (name: string, ...shape: number[]): TensorInfo => ({ name, type: 'float32', shape });
const floats = (shape: readonly number[], ...values: number[]): Tensor => ({
  type: 'float32',
  data: Float32Array.from(values),
  shape,
});
/** A tensor of 64x64 over an image of 128x128. */
const geometry = {
  width: 128,
  height: 128,
  tensor: { width: 64, height: 64 },
  toImage: { scaleX: 2, scaleY: 2, offsetX: 0, offsetY: 0 },
};
const STRIDES = [8, 16, 32];
const KINDS = { cls: 1, obj: 1, bbox: 4, kps: 10 };

/** Nothing in any cell of YuNet's, but what is set. */
function yunetOutputs(set: (name: string, cell: number) => number[] | undefined): Map<string, Tensor> {
  const entries = STRIDES.flatMap((stride) =>
    Object.entries(KINDS).map(([kind, columns]) => {
      const cells = (64 / stride) ** 2;
      const name = `${kind}_${stride}`;
      const values = Array.from(
        { length: cells },
        (_, cell) => set(name, cell) ?? new Array(columns).fill(0),
      );
      return [name, floats([cells, columns], ...values.flat())] as const;
    }),
  );
  return new Map(entries);
}

const YUNET = STRIDES.flatMap((stride) =>
  Object.entries(KINDS).map(([kind, columns]) =>
    declares(`${kind}_${stride}`, 1, (64 / stride) ** 2, columns),
  ),
);

describe('keypoints of YuNet', () => {
  const spec = keypoints.resolve({ labels: ['face'] }, YUNET);

  it('are five points of each face, named', () => {
    // The cell in column 1, row 2 of the grid of 16: its centre lies at 1.5, 2.5 cells, its box is a cell wide and two high.
    const values: Readonly<Record<string, number[]>> = {
      cls_16: [0.96],
      obj_16: [0.94],
      bbox_16: [0.5, 0.5, 0, Math.log(2)],
      kps_16: [0, 0, 1, 0, 0.5, 0.5, 0, 1, 1, 1],
    };
    const outputs = yunetOutputs((name, cell) => (cell === 4 * 2 + 1 ? values[name] : undefined));
    const { predictions } = keypoints.interpret(outputs, geometry, {}, spec);
    expect(predictions).toEqual([
      {
        label: 'face',
        class_id: 0,
        score: expect.closeTo(Math.sqrt(0.96 * 0.94), 5),
        box: { x_min: 32, y_min: 48, x_max: 64, y_max: 112 },
        points: [
          { name: 'right_eye', x: 32, y: 64 },
          { name: 'left_eye', x: 64, y: 64 },
          { name: 'nose', x: 48, y: 80 },
          { name: 'right_mouth_corner', x: 32, y: 96 },
          { name: 'left_mouth_corner', x: 64, y: 96 },
        ],
      },
    ]);
  });

  it('are none where nothing is sure enough', () => {
    expect(
      keypoints.interpret(
        yunetOutputs(() => undefined),
        geometry,
        {},
        spec,
      ).predictions,
    ).toEqual([]);
  });
});

describe('keypoints of YOLO', () => {
  const declared = [declares('output0', -1, 5 + 3 * 2, 8400)];
  const spec = keypoints.resolve({ labels: ['person'], points: ['head', 'foot'] }, declared);
  /** Two anchors: one person, and nobody. */
  const output = floats(
    [11, 2],
    20,
    0,
    20,
    0,
    10,
    0,
    20,
    0,
    0.8,
    0,
    18,
    0,
    11,
    0,
    0.9,
    0,
    21,
    0,
    29,
    0,
    0.1,
    0,
  );

  it('are the points of each person, with how sure it is of them', () => {
    const { predictions } = keypoints.interpret(new Map([['output0', output]]), geometry, {}, spec);
    expect(predictions).toEqual([
      {
        label: 'person',
        class_id: 0,
        score: 0.8,
        box: { x_min: 30, y_min: 20, x_max: 50, y_max: 60 },
        points: [
          { name: 'head', x: 36, y: 22, score: 0.9 },
          { name: 'foot', x: 42, y: 58, score: 0.1 },
        ],
      },
    ]);
  });

  it('leave out a point that is not a number', () => {
    const data = Float32Array.from(output.data as Float32Array);
    data[10] = Number.NaN;
    const outputs = new Map([['output0', floats([11, 2], ...data)]]);
    const { predictions } = keypoints.interpret(outputs, geometry, {}, spec);
    expect(predictions[0]?.points.map(({ name }) => name)).toEqual(['foot']);
  });
});

describe('keypoints of YOLO, end to end', () => {
  const spec = keypoints.resolve({ labels: ['person'] }, [declares('output0', -1, 300, 57)]);
  const row = [
    10,
    10,
    30,
    50,
    0.8,
    0,
    ...Array.from({ length: 17 }, (_, point) => [point, 2 * point, 0.5]).flat(),
  ];

  it('are COCO’s points of each row that is used', () => {
    const output = floats([2, 57], ...row, ...new Array(57).fill(0));
    const { predictions } = keypoints.interpret(new Map([['output0', output]]), geometry, {}, spec);
    expect(predictions).toHaveLength(1);
    expect(predictions[0]).toMatchObject({
      score: 0.8,
      box: { x_min: 20, y_min: 20, x_max: 60, y_max: 100 },
    });
    expect(predictions[0]?.points[16]).toEqual({ name: 'right_ankle', x: 32, y: 64, score: 0.5 });
  });

  it('are known by their shape', () => {
    expect(keypoints.recognises([declares('output0', 1, 300, 57)])).toBe(true);
    expect(keypoints.recognises([declares('output0', 1, 300, 6)])).toBe(false);
  });
});

describe('keypoints of several classes', () => {
  const labels = ['cat', 'dog'];
  const spec = keypoints.resolve({ labels }, [declares('output0', -1, 4 + 2 + 3, 8400)]);

  it('belong to the best class of each anchor', () => {
    const output = floats([9, 1], 20, 20, 10, 20, 0.1, 0.8, 18, 11, 0.9);
    const { predictions } = keypoints.interpret(new Map([['output0', output]]), geometry, {}, spec);
    expect(predictions).toMatchObject([
      { label: 'dog', class_id: 1, score: 0.8, points: [{ name: 'POINT_0', x: 36, y: 22, score: 0.9 }] },
    ]);
  });

  it('are refused where what is left beside the classes is no points', () => {
    expect(() =>
      keypoints.resolve({ labels: [...labels, 'cow'] }, [declares('output0', -1, 9, 8400)]),
    ).toThrow(expect.objectContaining({ code: 'MODEL_INCOMPATIBLE' }) as Error);
  });
});

describe('of keypoints, a picture', () => {
  const box = { x_min: 1, y_min: 2, x_max: 30, y_max: 40 };
  const drawn = (points: { name: string; x: number; y: number; score?: number }[]) =>
    keypoints.draw?.({ predictions: [{ label: 'person', class_id: 3, score: 0.876, box, points }] }, {});

  it('shows the box, the points that are sure, and bones between those that have some', () => {
    const shoulder = { name: 'left_shoulder', x: 5, y: 6, score: 0.9 };
    const elbow = { name: 'left_elbow', x: 7, y: 8, score: 0.8 };
    const guess = { name: 'left_wrist', x: 9, y: 9, score: 0.1 };
    expect(drawn([guess, shoulder, elbow])).toEqual({
      shapes: [
        { kind: 'box', box, text: 'person 0.88', classId: 3 },
        { kind: 'points', points: [shoulder, elbow], edges: [[0, 1]], classId: 3 },
      ],
    });
  });

  it('shows points of other names, and without scores, on their own', () => {
    const points = [{ name: 'POINT_0', x: 5, y: 6 }];
    expect(drawn(points)).toMatchObject({ shapes: [{}, { kind: 'points', points, edges: [] }] });
  });
});

describe('a model', () => {
  it('is known for keypoints by YuNet’s outputs, and by as many rows as COCO’s 17 points need', () => {
    expect(keypoints.recognises(YUNET)).toBe(true);
    expect(keypoints.recognises([declares('output0', -1, 56, 8400)])).toBe(true);
    expect(keypoints.recognises([declares('output0', -1, 84, 8400)])).toBe(false);
    expect(keypoints.recognises([declares('logits', -1, 1000)])).toBe(false);
  });

  it('has the names that its makers give to its points, or numbers', () => {
    expect(keypoints.resolve({}, [declares('output0', -1, 56, 8400)]).points[0]).toBe('nose');
    expect(keypoints.resolve({}, [declares('output0', -1, 8, 8400)]).points).toEqual(['POINT_0']);
  });

  it('is refused where the manifest names other points than it has', () => {
    expect(() => keypoints.resolve({ points: ['one'] }, YUNET)).toThrow(
      expect.objectContaining({ code: 'MODEL_INCOMPATIBLE' }) as Error,
    );
  });
});
