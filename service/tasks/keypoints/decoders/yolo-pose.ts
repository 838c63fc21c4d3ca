import type { TensorInfo } from '../../../tensor.js';
import { matrixOf, onlyMatrix, ShapeError, single } from '../../detection/box-decoder.js';
import { BOX_VALUES, decodeAnchors } from '../../detection/decoders/yolo.js';
import type { PointDecoder } from '../point-decoder.js';

export const POINT_VALUES = 3;
/** Of COCO, which most of them are trained on. */
export const COCO_POINTS = [
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
 * YOLOv8 and v11 pose: one output [N, 4 + classes + 3 * points, anchors], channels first. Each anchor has centre, width and
 * height in pixels of the input tensor, a score for each class, and x, y and visibility of each point, sigmoid applied. There
 * is one class unless the manifest names more. Source: Ultralytics, `ultralytics/nn/modules/head.py` (Pose).
 */
export const yoloPose: PointDecoder = {
  name: 'yolo-pose',
  models: 'YOLOv8, v11 pose',
  unit: 'pixel',
  needsSuppression: true,
  defaults: { threshold: 0.25, iou: 0.45 },
  pointNames: COCO_POINTS,
  countPoints,
  recognises: (outputs) => countPoints(outputs, 1) === COCO_POINTS.length,
  fits(outputs, classes = 1) {
    const output = onlyMatrix(outputs);
    return output === undefined || countPoints(outputs, classes) === undefined
      ? undefined
      : single(output, 'boxes', classes);
  },
  decode(outputs, context, into) {
    const { rows } = matrixOf(outputs, context, 'boxes');
    checkPoints(rows - BOX_VALUES - (context.classes ?? 1));
    decodeAnchors(outputs, context, into);
  },
  pointsOf(outputs, context, { index }) {
    const { values, rows, columns: anchors } = matrixOf(outputs, context, 'boxes');
    const first = BOX_VALUES + (context.classes ?? 1);
    const at = (row: number): number => values[row * anchors + index] ?? Number.NaN;
    return Array.from({ length: (rows - first) / POINT_VALUES }, (_, point) => {
      const row = first + point * POINT_VALUES;
      return { x: at(row), y: at(row + 1), score: at(row + 2) };
    });
  },
};

/** Throws a ShapeError where so many values are no points. */
export function checkPoints(values: number): void {
  if (values < 0 || values % POINT_VALUES !== 0) throw new ShapeError(`${values} values are no points`);
}

function countPoints(outputs: readonly TensorInfo[], classes: number): number | undefined {
  const [, rows = -1, anchors = -1] = onlyMatrix(outputs)?.shape ?? [];
  const points = (rows - BOX_VALUES - classes) / POINT_VALUES;
  const isGrid = anchors < 0 || anchors > rows;
  return Number.isInteger(points) && points > 0 && isGrid ? points : undefined;
}
