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

/** Centre, width and height. */
export const BOX_VALUES = 4;

/**
 * YOLOv8, v9, v11 and YOLO26 exported without end-to-end: one output [N, 4 + classes, anchors], channels first. Each anchor has
 * centre, width and height in pixels of the input tensor and a score for each class, sigmoid applied in the graph; there is
 * no objectness. Source: Ultralytics, `ultralytics/nn/modules/head.py` (Detect) and `utils/nms.py`.
 */
export const yolo: BoxDecoder = {
  name: 'yolo',
  models: 'YOLOv8, v9, v11; YOLO26 without end-to-end',
  unit: 'pixel',
  needsSuppression: true,
  defaults: { threshold: 0.25, iou: 0.45 },
  fits(outputs) {
    const output = onlyMatrix(outputs);
    const [, rows = -1, anchors = -1] = output?.shape ?? [];
    if (output === undefined || rows <= BOX_VALUES || (anchors > 0 && anchors <= rows)) return undefined;
    return single(output, 'boxes', rows - BOX_VALUES);
  },
  decode: decodeAnchors,
};

/** Boxes of an output `boxes` [4 + classes or more, anchors]; a candidate's index is its anchor. */
export function decodeAnchors(outputs: Outputs, context: DecodeContext, into: Candidates): void {
  const { values, rows, columns: anchors } = matrixOf(outputs, context, 'boxes');
  const { classes = 0 } = context;
  if (rows < BOX_VALUES + classes)
    throw new ShapeError(`output boxes has ${rows} rows for ${classes} classes`);
  const best = bestClasses(values.subarray(BOX_VALUES * anchors), classes, anchors, into.threshold);
  const at = (row: number, anchor: number): number => values[row * anchors + anchor] as number;
  for (let anchor = 0; anchor < anchors; anchor++) {
    const score = best.scores[anchor] as number;
    if (!(score >= into.threshold)) continue;
    const classId = best.classIds[anchor] as number;
    into.addCentre(anchor, classId, score, at(0, anchor), at(1, anchor), at(2, anchor), at(3, anchor));
  }
}

/**
 * The best class of each anchor that has one from the threshold on, and its score; -1 for all others.
 * Class by class, as the values lie: anchor by anchor takes twice as long for 8,400 of them and 80 classes.
 */
function bestClasses(values: Float32Array, classes: number, anchors: number, threshold: number) {
  const scores = new Float32Array(anchors).fill(-1);
  const classIds = new Uint16Array(anchors);
  for (let classId = 0; classId < classes; classId++) {
    const from = classId * anchors;
    for (let anchor = 0; anchor < anchors; anchor++) {
      const score = values[from + anchor] as number;
      if (score >= threshold && score > (scores[anchor] as number)) {
        scores[anchor] = score;
        classIds[anchor] = classId;
      }
    }
  }
  return { scores, classIds };
}
