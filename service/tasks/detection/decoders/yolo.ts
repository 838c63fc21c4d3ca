import { floatsOf } from '../../../tensor.js';
import { type BoxDecoder, matrixOf, onlyMatrix, outputOf, single } from '../box-decoder.js';

const BOX_VALUES = 4;

/**
 * YOLOv8, v9, v11 and YOLO26 exported without end-to-end: one output [N, 4 + classes, anchors], channels first. Each anchor has
 * centre, width and height in pixels of the input tensor and a score for each class, sigmoid applied in the graph; there is
 * no objectness. Source: Ultralytics, `ultralytics/nn/modules/head.py` (Detect) and `utils/nms.py`.
 */
export const yolo: BoxDecoder = {
  name: 'yolo',
  models: 'YOLOv8, v9, v11; YOLO26 without end-to-end',
  needsSuppression: true,
  defaults: { threshold: 0.25, iou: 0.45 },
  fits(outputs) {
    const output = onlyMatrix(outputs);
    const [, rows = -1, anchors = -1] = output?.shape ?? [];
    if (output === undefined || rows <= BOX_VALUES || (anchors > 0 && anchors <= rows)) return undefined;
    return single(output, 'boxes', rows - BOX_VALUES);
  },
  decode(outputs, context, into) {
    const tensor = outputOf(outputs, context, 'boxes');
    const [rows, anchors] = matrixOf(tensor, 'boxes');
    const values = floatsOf(tensor);
    const classValues = values.subarray(BOX_VALUES * anchors);
    const scores = bestScores(classValues, rows - BOX_VALUES, anchors);
    const at = (row: number, anchor: number): number => values[row * anchors + anchor] ?? Number.NaN;
    for (let anchor = 0; anchor < anchors; anchor++) {
      const score = scores[anchor] ?? 0;
      if (!(score >= into.threshold)) continue;
      into.addCentre(
        anchor,
        bestClass(classValues, rows - BOX_VALUES, anchors, anchor),
        score,
        at(0, anchor),
        at(1, anchor),
        at(2, anchor),
        at(3, anchor),
      );
    }
  },
};

/** Row by row, as the values lie: for 8,400 anchors and 80 classes that is half the time of anchor by anchor. */
function bestScores(values: Float32Array, classes: number, anchors: number): Float32Array {
  const scores = values.slice(0, anchors);
  for (let classId = 1; classId < classes; classId++) {
    const row = values.subarray(classId * anchors, (classId + 1) * anchors);
    for (let anchor = 0; anchor < anchors; anchor++) {
      const score = row[anchor] as number;
      if (score > (scores[anchor] as number)) scores[anchor] = score;
    }
  }
  return scores;
}

function bestClass(values: Float32Array, classes: number, anchors: number, anchor: number): number {
  let best = 0;
  for (let classId = 1; classId < classes; classId++) {
    if ((values[classId * anchors + anchor] ?? 0) > (values[best * anchors + anchor] ?? 0)) best = classId;
  }
  return best;
}
