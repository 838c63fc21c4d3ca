import type { TensorInfo } from '../../../tensor.js';
import type { Outputs } from '../../task.js';
import {
  type BoxDecoder,
  type DecodeContext,
  matrixOf,
  onlyMatrix,
  ShapeError,
  single,
} from '../box-decoder.js';
import type { Candidates } from '../candidates.js';

/** Corners, score and class. */
export const DETECTION_VALUES = 6;
const MOST_DETECTIONS = 1000;

/**
 * YOLOv10, YOLO26, and others exported with NMS in the graph: one output [N, detections, 6], each a box by its corners in
 * pixels of the input tensor, its score and its class; rows that are not used have the score 0.
 * Source: Ultralytics, documentation of end-to-end detection, and `engine/exporter.py` (nms=True).
 */
export const yoloEndToEnd: BoxDecoder = {
  name: 'yolo-end-to-end',
  models: 'YOLOv10, YOLO26, YOLO exported with NMS',
  unit: 'pixel',
  needsSuppression: false,
  defaults: { threshold: 0.25, iou: 0.45 },
  fits(outputs) {
    const output = onlyMatrix(outputs);
    return output !== undefined && areDetections(output, 0)
      ? single(output, 'detections', undefined)
      : undefined;
  },
  decode: decodeDetections,
};

/** Whether it is [N, detections, 6 + extra]. */
export function areDetections({ shape: [, rows = -1, columns = -1] }: TensorInfo, extra: number): boolean {
  return columns === DETECTION_VALUES + extra && rows <= MOST_DETECTIONS;
}

/** Boxes of an output `detections` [detections, 6 or more]; a candidate's index is its row. */
export function decodeDetections(outputs: Outputs, context: DecodeContext, into: Candidates): void {
  const { values, rows, columns } = matrixOf(outputs, context, 'detections');
  if (columns < DETECTION_VALUES) throw new ShapeError(`output detections has ${columns} columns`);
  for (let row = 0; row < rows; row++) {
    const [xMin = 0, yMin = 0, xMax = 0, yMax = 0, score = 0, classId = 0] = values.subarray(row * columns);
    if (score > 0) into.addCorners(row, Math.round(classId), score, xMin, yMin, xMax, yMax);
  }
}
