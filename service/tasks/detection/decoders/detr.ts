import { softmax } from '../../softmax.js';
import { type BoxDecoder, floatsFor, matrixOf } from '../box-decoder.js';
import { queriesOf } from './queries.js';

/**
 * DETR, YOLOS, Conditional DETR and their like: `logits` [N, queries, classes + 1], of which the last is "no object", and
 * `pred_boxes` [N, queries, 4], centre and size as parts of the input. A query's score is the best of the softmax without the
 * last. Source: Hugging Face transformers, `post_process_object_detection` of DetrImageProcessor; Carion et al., 2020.
 */
export const detr: BoxDecoder = {
  name: 'detr',
  models: 'DETR, YOLOS',
  unit: 'input',
  needsSuppression: false,
  defaults: { threshold: 0.5, iou: 1 },
  fits: (outputs) => queriesOf(outputs, (columns) => columns - 1),
  decode(outputs, context, into) {
    const { values, rows: queries, columns } = matrixOf(outputs, context, 'logits');
    const boxes = floatsFor(outputs, context, 'boxes', 4 * queries);
    for (let query = 0; query < queries; query++) {
      const scores = softmax(values.subarray(query * columns, (query + 1) * columns));
      const [x = 0, y = 0, width = 0, height = 0] = boxes.subarray(query * 4);
      let best = 0;
      for (let id = 1; id < columns - 1; id++) if ((scores[id] ?? 0) > (scores[best] ?? 0)) best = id;
      into.addCentre(query, best, scores[best] ?? 0, x, y, width, height);
    }
  },
};
