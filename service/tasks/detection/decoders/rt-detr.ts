import { floatsOf } from '../../../tensor.js';
import {
  type BoxDecoder,
  type DecodeContext,
  matrixOf,
  onlyMatrix,
  outputOf,
  single,
} from '../box-decoder.js';
import type { Candidates } from '../candidates.js';
import { queriesOf } from './queries.js';

const BOX_VALUES = 4;
const QUERIES = 300;

/**
 * RT-DETR, D-FINE and others trained with a focal loss. Hugging Face's: `logits` [N, queries, classes], of which each has a
 * sigmoid of its own and none is background, so that a query may be several objects, and `pred_boxes` [N, queries, 4].
 * Ultralytics': one output [N, 300, 4 + classes], sigmoid applied in the graph. Boxes are centre and size as parts of the
 * input. Sources: lyuwenyu/RT-DETR, `rtdetr_postprocessor.py`; Ultralytics, `models/rtdetr/predict.py`.
 */
export const rtDetr: BoxDecoder = {
  name: 'rt-detr',
  models: 'RT-DETR, D-FINE',
  needsSuppression: false,
  defaults: { threshold: 0.5, iou: 1 },
  fits(outputs) {
    const output = onlyMatrix(outputs);
    const [, rows = -1, columns = -1] = output?.shape ?? [];
    if (output !== undefined && rows === QUERIES && columns > BOX_VALUES && columns !== 6)
      return single(output, 'queries', columns - BOX_VALUES);
    return queriesOf(outputs, (classes) => classes);
  },
  decode(outputs, context, into) {
    if (context.roles['queries'] === undefined) return decodeLogits(outputs, context, into);
    const tensor = outputOf(outputs, context, 'queries');
    const [queries, columns] = matrixOf(tensor, 'queries');
    const values = floatsOf(tensor);
    for (let query = 0; query < queries; query++) {
      const row = values.subarray(query * columns, (query + 1) * columns);
      for (let id = 0; id < columns - BOX_VALUES; id++)
        add(query, id, row[BOX_VALUES + id] ?? 0, row, context, into);
    }
  },
};

function decodeLogits(
  outputs: Parameters<BoxDecoder['decode']>[0],
  context: DecodeContext,
  into: Candidates,
): void {
  const logits = outputOf(outputs, context, 'logits');
  const [queries, classes] = matrixOf(logits, 'logits');
  const values = floatsOf(logits);
  const boxes = floatsOf(outputOf(outputs, context, 'boxes'));
  for (let query = 0; query < queries; query++) {
    const box = boxes.subarray(query * BOX_VALUES, (query + 1) * BOX_VALUES);
    for (let id = 0; id < classes; id++) {
      const score = 1 / (1 + Math.exp(-(values[query * classes + id] ?? Number.NaN)));
      add(query, id, score, box, context, into);
    }
  }
}

function add(
  query: number,
  classId: number,
  score: number,
  box: Float32Array,
  { width, height }: DecodeContext,
  into: Candidates,
): void {
  if (!(score >= into.threshold)) return;
  const [x = 0, y = 0, across = 0, down = 0] = box;
  into.addCentre(query, classId, score, x * width, y * height, across * width, down * height);
}
