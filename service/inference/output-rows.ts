import type { Outputs, WantedOutput } from '../tasks/task.js';
import type { Tensor } from '../tensor.js';
import type { RawOutputs } from './session.js';

/** The outputs of one row of a run, without the batch dimension where they have one; views, not copies. */
export function outputsOfRow(raw: RawOutputs, wanted: readonly WantedOutput[], row: number): Outputs {
  const entries = wanted.flatMap(({ name, isBatched }): [string, Tensor][] => {
    const tensor = raw.get(name);
    if (tensor === undefined) return [];
    return [[name, isBatched ? rowOf(tensor, row) : tensor]];
  });
  return new Map(entries);
}

function rowOf(tensor: Tensor, row: number): Tensor {
  const [rows = 1, ...shape] = tensor.shape;
  const length = tensor.data.length / rows;
  const [from, to] = [row * length, (row + 1) * length];
  const data = 'subarray' in tensor.data ? tensor.data.subarray(from, to) : tensor.data.slice(from, to);
  return { type: tensor.type, data, shape } as Tensor;
}

/** Throws where an output has not as many rows as the batch. */
export function checkRows(raw: RawOutputs, wanted: readonly WantedOutput[], rows: number): void {
  for (const { name, isBatched } of wanted) {
    const found = raw.get(name)?.shape[0];
    if (isBatched && found !== rows) {
      throw new Error(`output ${name} has ${found} rows for a batch of ${rows}`);
    }
  }
}
