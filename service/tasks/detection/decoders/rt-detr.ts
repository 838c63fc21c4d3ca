import type { Outputs } from '../../task.js';
import {
  type BoxDecoder,
  type DecodeContext,
  floatsFor,
  matrixOf,
  onlyMatrix,
  ShapeError,
  single,
} from '../box-decoder.js';
import type { Candidates } from '../candidates.js';
import { queriesOf } from './queries.js';

const BOX_VALUES = 4;
const QUERIES = 300;
/** Sigmoid and its inverse do not agree to the last bit. */
const LOGIT_MARGIN = 1e-3;

/**
 * RT-DETR, D-FINE and others trained with a focal loss. Hugging Face's: `logits` [N, queries, classes], of which each has a
 * sigmoid of its own and none is background, so that a query may be several objects, and `pred_boxes` [N, queries, 4].
 * Ultralytics': one output [N, 300, 4 + classes], sigmoid applied in the graph. Boxes are centre and size as parts of the
 * input. Sources: lyuwenyu/RT-DETR, `rtdetr_postprocessor.py`; Ultralytics, `models/rtdetr/predict.py`.
 */
export const rtDetr: BoxDecoder = {
  name: 'rt-detr',
  models: 'RT-DETR, D-FINE',
  unit: 'input',
  needsSuppression: false,
  defaults: { threshold: 0.5, iou: 1 },
  fits(outputs) {
    const output = onlyMatrix(outputs);
    const [, rows = -1, columns = -1] = output?.shape ?? [];
    if (output !== undefined && rows === QUERIES && columns > BOX_VALUES && columns !== 6)
      return single(output, 'queries', columns - BOX_VALUES);
    return queriesOf(outputs, (classes) => classes);
  },
  decode: (outputs, context, into) =>
    context.roles['queries'] === undefined
      ? decodeLogits(outputs, context, into)
      : decodeScores(outputs, context, into),
};

function decodeScores(outputs: Outputs, context: DecodeContext, into: Candidates): void {
  const { values, rows: queries, columns } = matrixOf(outputs, context, 'queries');
  if (columns !== BOX_VALUES + (context.classes ?? 0))
    throw new ShapeError(`output queries has ${columns} columns`);
  for (let query = 0; query < queries; query++) {
    const from = query * columns;
    for (let id = 0; id < columns - BOX_VALUES; id++) {
      const score = values[from + BOX_VALUES + id] ?? 0;
      if (score >= into.threshold) add(query, id, score, values.subarray(from), into);
    }
  }
}

function decodeLogits(outputs: Outputs, context: DecodeContext, into: Candidates): void {
  const { values, rows: queries, columns: classes } = matrixOf(outputs, context, 'logits');
  const boxes = floatsFor(outputs, context, 'boxes', queries * BOX_VALUES);
  const least = Math.log(into.threshold / (1 - into.threshold)) - LOGIT_MARGIN;
  for (let query = 0; query < queries; query++) {
    for (let id = 0; id < classes; id++) {
      const logit = values[query * classes + id] ?? 0;
      if (!(logit >= least)) continue;
      add(query, id, 1 / (1 + Math.exp(-logit)), boxes.subarray(query * BOX_VALUES), into);
    }
  }
}

function add(query: number, classId: number, score: number, box: Float32Array, into: Candidates): void {
  const [x = 0, y = 0, width = 0, height = 0] = box;
  into.addCentre(query, classId, score, x, y, width, height);
}
