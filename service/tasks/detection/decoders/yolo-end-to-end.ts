import { floatsOf } from '../../../tensor.js';
import { type BoxDecoder, matrixOf, onlyMatrix, outputOf, single } from '../box-decoder.js';

const COLUMNS = 6;
const MOST_DETECTIONS = 1000;

/**
 * YOLOv10, YOLO26, and others exported with NMS in the graph: one output [N, detections, 6], each a box by its corners in
 * pixels of the input tensor, its score and its class; rows that are not used have the score 0.
 * Source: Ultralytics, documentation of end-to-end detection, and `engine/exporter.py` (nms=True).
 */
export const yoloEndToEnd: BoxDecoder = {
  name: 'yolo-end-to-end',
  models: 'YOLOv10, YOLO26, YOLO exported with NMS',
  needsSuppression: false,
  defaults: { threshold: 0.25, iou: 0.45 },
  fits(outputs) {
    const output = onlyMatrix(outputs);
    const [, rows = -1, columns = -1] = output?.shape ?? [];
    if (output === undefined || columns !== COLUMNS || rows > MOST_DETECTIONS) return undefined;
    return single(output, 'detections', undefined);
  },
  decode(outputs, context, into) {
    const tensor = outputOf(outputs, context, 'detections');
    const [rows, columns] = matrixOf(tensor, 'detections');
    const values = floatsOf(tensor);
    for (let row = 0; row < rows; row++) {
      const [xMin = 0, yMin = 0, xMax = 0, yMax = 0, score = 0, classId = 0] = values.subarray(row * columns);
      if (score > 0) into.addCorners(row, Math.round(classId), score, xMin, yMin, xMax, yMax);
    }
  },
};
