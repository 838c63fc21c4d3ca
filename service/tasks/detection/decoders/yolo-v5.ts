import { type BoxDecoder, matrixOf, onlyMatrix, ShapeError, single } from '../box-decoder.js';

const BOX_VALUES = 5;

/**
 * YOLOv5 and v7: one output [N, anchors, 5 + classes]. Each anchor has centre, width and height in pixels of the input tensor,
 * objectness, and a score for each class; the score of a box is objectness times that of its best class.
 * Source: ultralytics/yolov5, `models/yolo.py` (Detect) and `utils/general.py`.
 */
export const yoloV5: BoxDecoder = {
  name: 'yolo-v5',
  models: 'YOLOv5, YOLOv7',
  unit: 'pixel',
  needsSuppression: true,
  defaults: { threshold: 0.25, iou: 0.45 },
  fits(outputs) {
    const output = onlyMatrix(outputs);
    const [, anchors = -1, columns = -1] = output?.shape ?? [];
    // Six columns are one class here and a whole detection in what is end-to-end: those have few rows.
    const isGrid = columns > BOX_VALUES && (anchors < 0 || anchors > Math.max(columns, MOST_QUERIES));
    return output !== undefined && isGrid ? single(output, 'boxes', columns - BOX_VALUES) : undefined;
  },
  decode(outputs, context, into) {
    const { values, rows: anchors, columns } = matrixOf(outputs, context, 'boxes');
    if (columns !== BOX_VALUES + (context.classes ?? 0))
      throw new ShapeError(`output boxes has ${columns} columns`);
    for (let anchor = 0; anchor < anchors; anchor++) {
      const [x = 0, y = 0, width = 0, height = 0, objectness = 0] = values.subarray(
        anchor * columns,
        anchor * columns + BOX_VALUES,
      );
      if (!(objectness >= into.threshold)) continue;
      const classId = largest(values, anchor * columns + BOX_VALUES, columns - BOX_VALUES);
      const score = objectness * (values[anchor * columns + BOX_VALUES + classId] ?? 0);
      into.addCentre(anchor, classId, score, x, y, width, height);
    }
  },
};

/** What has no more rows than that has queries, not anchors. */
const MOST_QUERIES = 1000;

/** Where the largest of some values is, from where they begin. */
function largest(values: Float32Array, from: number, count: number): number {
  let best = 0;
  for (let index = 1; index < count; index++) {
    if ((values[from + index] ?? 0) > (values[from + best] ?? 0)) best = index;
  }
  return best;
}
