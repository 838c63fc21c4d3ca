import type { TensorInfo } from '../../../tensor.js';
import { matrixOf, onlyMatrix, single } from '../../detection/box-decoder.js';
import {
  areDetections,
  DETECTION_VALUES,
  decodeDetections,
} from '../../detection/decoders/yolo-end-to-end.js';
import type { PointDecoder } from '../point-decoder.js';
import { COCO_POINTS, checkPoints, POINT_VALUES } from './yolo-pose.js';

/** More columns are anchors of another decoder. */
const MOST_POINTS = 100;

/**
 * YOLO26 pose, and others exported with NMS in the graph: one output [N, detections, 6 + 3 * points], each a box by its corners
 * in pixels of the input tensor, its score and its class, then x, y and visibility of each point.
 * Source: Ultralytics, documentation of end-to-end detection.
 */
export const yoloPoseEndToEnd: PointDecoder = {
  name: 'yolo-pose-end-to-end',
  models: 'YOLO26 pose, YOLO pose exported with NMS',
  unit: 'pixel',
  needsSuppression: false,
  defaults: { threshold: 0.25, iou: 0.45 },
  pointNames: COCO_POINTS,
  countPoints,
  recognises: (outputs) => countPoints(outputs) === COCO_POINTS.length,
  fits(outputs) {
    const output = onlyMatrix(outputs);
    return output === undefined || countPoints(outputs) === undefined
      ? undefined
      : single(output, 'detections', undefined);
  },
  decode(outputs, context, into) {
    checkPoints(matrixOf(outputs, context, 'detections').columns - DETECTION_VALUES);
    decodeDetections(outputs, context, into);
  },
  pointsOf(outputs, context, { index }) {
    const { values, columns } = matrixOf(outputs, context, 'detections');
    const own = values.subarray(index * columns + DETECTION_VALUES, (index + 1) * columns);
    return Array.from({ length: own.length / POINT_VALUES }, (_, point) => {
      const [x = Number.NaN, y = Number.NaN, score] = own.subarray(point * POINT_VALUES);
      return { x, y, score };
    });
  },
};

function countPoints(outputs: readonly TensorInfo[]): number | undefined {
  const output = onlyMatrix(outputs);
  if (output === undefined) return undefined;
  const points = ((output.shape[2] ?? -1) - DETECTION_VALUES) / POINT_VALUES;
  if (!Number.isInteger(points) || points < 1 || points > MOST_POINTS) return undefined;
  return areDetections(output, points * POINT_VALUES) ? points : undefined;
}
