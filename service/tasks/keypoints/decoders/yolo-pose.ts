import { floatsOf, type TensorInfo } from '../../../tensor.js';
import { matrixOf, onlyMatrix, outputOf, single } from '../../detection/box-decoder.js';
import type { PointDecoder } from '../point-decoder.js';

/** Centre, size and the score of the one class. */
const BOX_VALUES = 5;
const POINT_VALUES = 3;
/** Of COCO, which most of them are trained on. */
const COCO_POINTS = [
  'nose',
  'left_eye',
  'right_eye',
  'left_ear',
  'right_ear',
  'left_shoulder',
  'right_shoulder',
  'left_elbow',
  'right_elbow',
  'left_wrist',
  'right_wrist',
  'left_hip',
  'right_hip',
  'left_knee',
  'right_knee',
  'left_ankle',
  'right_ankle',
];

/**
 * YOLOv8 and v11 pose, of one class: one output [N, 5 + 3 * points, anchors], channels first. Each anchor has centre, width and
 * height in pixels of the input tensor, a score, and x, y and visibility of each point, sigmoid applied.
 * Source: Ultralytics, `ultralytics/nn/modules/head.py` (Pose).
 */
export const yoloPose: PointDecoder = {
  name: 'yolo-pose',
  models: 'YOLOv8, v11 pose, of one class',
  needsSuppression: true,
  defaults: { threshold: 0.25, iou: 0.45 },
  pointNames: COCO_POINTS,
  countPoints,
  recognises: (outputs) => countPoints(outputs) === COCO_POINTS.length,
  fits(outputs) {
    const output = onlyMatrix(outputs);
    return output === undefined || countPoints(outputs) === undefined
      ? undefined
      : single(output, 'poses', 1);
  },
  decode(outputs, context, into) {
    const tensor = outputOf(outputs, context, 'poses');
    const [, anchors] = matrixOf(tensor, 'poses');
    const values = floatsOf(tensor);
    const at = (row: number, anchor: number): number => values[row * anchors + anchor] ?? Number.NaN;
    for (let anchor = 0; anchor < anchors; anchor++) {
      const score = at(4, anchor);
      if (!(score >= into.threshold)) continue;
      into.addCentre(anchor, 0, score, at(0, anchor), at(1, anchor), at(2, anchor), at(3, anchor));
    }
  },
  pointsOf(outputs, context, { index }) {
    const tensor = outputOf(outputs, context, 'poses');
    const [rows, anchors] = matrixOf(tensor, 'poses');
    const values = floatsOf(tensor);
    const at = (row: number): number => values[row * anchors + index] ?? Number.NaN;
    return Array.from({ length: (rows - BOX_VALUES) / POINT_VALUES }, (_, point) => {
      const row = BOX_VALUES + point * POINT_VALUES;
      return { x: at(row), y: at(row + 1), score: at(row + 2) };
    });
  },
};

function countPoints(outputs: readonly TensorInfo[]): number | undefined {
  const [, rows = -1, anchors = -1] = onlyMatrix(outputs)?.shape ?? [];
  const points = (rows - BOX_VALUES) / POINT_VALUES;
  const isGrid = anchors < 0 || anchors > rows;
  return Number.isInteger(points) && points > 0 && isGrid ? points : undefined;
}
