import type { OnnxModel } from './onnx.js';

/** A detection as `yolo-end-to-end` has it: corners in pixels of a 64x64 tensor, score, class. */
export type BoxRow = readonly [
  xMin: number,
  yMin: number,
  xMax: number,
  yMax: number,
  score: number,
  classId: number,
];

/** A detector of 64x64 pixels that finds the same boxes in every image; rows with more than a box have points too. */
export function boxModel(rows: readonly (BoxRow | readonly number[])[]): OnnxModel {
  const columns = rows[0]?.length ?? 6;
  return {
    inputs: [{ name: 'images', shape: ['batch', 3, 64, 64] }],
    outputs: [{ name: 'output0', shape: ['batch', rows.length, columns] }],
    constants: [
      { name: 'rows', shape: [1, rows.length, columns], data: Float32Array.from(rows.flat()) },
      { name: 'none', shape: [1], data: new Float32Array([0]) },
      { name: 'column', shape: [3], data: new BigInt64Array([-1n, 1n, 1n]) },
    ],
    nodes: [
      {
        op: 'ReduceMean',
        inputs: ['images'],
        outputs: ['means'],
        attributes: { axes: [1, 2, 3], keepdims: 0 },
      },
      { op: 'Mul', inputs: ['means', 'none'], outputs: ['zeros'] },
      { op: 'Reshape', inputs: ['zeros', 'column'], outputs: ['zero'] },
      { op: 'Add', inputs: ['rows', 'zero'], outputs: ['output0'] },
    ],
  };
}

/**
 * As `yolo-segment-end-to-end` has it: the same two rows in every image of 64x64, a dog in the left and a cat in the right half,
 * and one prototype of 16x16, the upper half.
 */
export function instanceModel(): OnnxModel {
  const detector = boxModel([
    [0, 0, 32, 64, 0.9, 1],
    [32, 0, 64, 64, 0.8, 0],
  ]);
  const upper = Float32Array.from({ length: 256 }, (_, cell) => (cell < 128 ? 1 : -1));
  return {
    ...detector,
    outputs: [
      { name: 'output0', shape: ['batch', 2, 7] },
      { name: 'output1', shape: ['batch', 1, 16, 16] },
    ],
    constants: [
      ...(detector.constants ?? []),
      { name: 'coefficients', shape: [1, 2, 1], data: new Float32Array([2, -2]) },
      { name: 'upper', shape: [1, 1, 16, 16], data: upper },
      { name: 'plane', shape: [4], data: new BigInt64Array([-1n, 1n, 1n, 1n]) },
    ],
    nodes: [
      ...detector.nodes.map((node) => (node.op === 'Add' ? { ...node, outputs: ['boxes'] } : node)),
      { op: 'Add', inputs: ['coefficients', 'zero'], outputs: ['own'] },
      { op: 'Concat', inputs: ['boxes', 'own'], outputs: ['output0'], attributes: { axis: 2 } },
      { op: 'Reshape', inputs: ['zeros', 'plane'], outputs: ['flat'] },
      { op: 'Add', inputs: ['upper', 'flat'], outputs: ['output1'] },
    ],
  };
}

/** A detector as torchvision exports it: one image of 64x64 without a batch, and lists without one. It finds the same in every image. */
export function torchvisionModel(
  boxes: readonly number[][],
  labels: readonly bigint[],
  scores: readonly number[],
): OnnxModel {
  return {
    inputs: [{ name: 'input', shape: [3, 64, 64] }],
    outputs: [
      { name: 'boxes', shape: ['detections', 4] },
      { name: 'labels', shape: ['detections'], type: 'int64' },
      { name: 'scores', shape: ['detections'] },
    ],
    constants: [
      { name: 'found', shape: [boxes.length, 4], data: Float32Array.from(boxes.flat()) },
      { name: 'classes', shape: [labels.length], data: BigInt64Array.from(labels) },
      { name: 'confidences', shape: [scores.length], data: Float32Array.from(scores) },
      { name: 'none', shape: [1], data: new Float32Array([0]) },
    ],
    nodes: [
      {
        op: 'ReduceMean',
        inputs: ['input'],
        outputs: ['mean'],
        attributes: { axes: [0, 1, 2], keepdims: 0 },
      },
      { op: 'Mul', inputs: ['mean', 'none'], outputs: ['zero'] },
      { op: 'Add', inputs: ['found', 'zero'], outputs: ['boxes'] },
      { op: 'Identity', inputs: ['classes'], outputs: ['labels'] },
      { op: 'Add', inputs: ['confidences', 'zero'], outputs: ['scores'] },
    ],
  };
}

export const BOX_MANIFEST = {
  schema_version: 1,
  name: 'boxes',
  version: '1.0.0',
  file: 'model.onnx',
  task: 'detection',
  input: { resize: { rule: 'letterbox', filter: 'opencv-linear', pad_value: [114] } },
  output: { decoder: 'yolo-end-to-end', labels: ['cat', 'dog'], threshold: 0.25 },
};
