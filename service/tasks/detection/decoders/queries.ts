import type { TensorInfo } from '../../../tensor.js';
import { batched, type Fit } from '../box-decoder.js';

const LOGITS = /^(logits|pred_logits)$/;
const BOXES = /^(pred_boxes|boxes)$/;

/** Two outputs of as many queries: class logits, and boxes of four values. @param classesIn how many so many columns are */
export function queriesOf(
  outputs: readonly TensorInfo[],
  classesIn: (columns: number) => number,
): Fit | undefined {
  const logits = outputs.find(({ name, shape }) => LOGITS.test(name) && shape.length === 3);
  const boxes = outputs.find(({ name, shape }) => BOXES.test(name) && shape.length === 3 && shape[2] === 4);
  if (logits === undefined || boxes === undefined) return undefined;
  const columns = logits.shape[2] ?? -1;
  return batched({ logits, boxes }, columns > 0 ? classesIn(columns) : undefined);
}
