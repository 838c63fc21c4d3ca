import { messageOf, ServiceError } from '../errors.js';
import type { Manifest } from '../model/manifest.js';
import { type Processor, readProcessor } from '../processor.js';
import type { Answer, Golden, Parameters, Task } from '../tasks/task.js';

/** No golden image may hold up the start for longer, milliseconds. */
const GOLDEN_TIMEOUT_MS = 30_000;

/** Answers one image, as a request would be answered. */
type Predict = (bytes: Uint8Array, parameters: Parameters, signal: AbortSignal) => Promise<Answer>;

/**
 * Puts the model's golden images through the flow that requests take.
 * Throws MODEL_GOLDEN_MISMATCH naming every image whose answer is not the expected one.
 */
export async function checkGolden(
  { golden = [], optimized }: Pick<Manifest, 'golden' | 'optimized'>,
  task: Task,
  read: (file: string) => Promise<Uint8Array>,
  predict: Predict,
): Promise<void> {
  const faultOf = async (expected: Golden): Promise<string | undefined> => {
    try {
      const parameters = task.goldenParameters(expected);
      const signal = AbortSignal.timeout(GOLDEN_TIMEOUT_MS);
      const fault = task.differs(expected, await predict(await read(expected.file), parameters, signal));
      return fault && `${expected.file}: ${fault}`;
    } catch (error) {
      return `${expected.file}: ${messageOf(error)}`;
    }
  };
  const faults = (await Promise.all(golden.map(faultOf))).filter((fault) => fault !== undefined);
  if (faults.length === 0) return;
  throw new ServiceError('MODEL_GOLDEN_MISMATCH', faults.join('; ') + elsewhere(optimized?.processor));
}

/** Where 8-bit numbers are multiplied by other instructions than where the model was optimised. */
export function elsewhere(proved: Processor | undefined, here = readProcessor()): string {
  if (proved === undefined || proved.kind === here.kind) return '';
  return `. It was optimised and proved on ${proved.kind} (${proved.model}) and answers differently on this processor, ${here.kind} (${here.model}): optimise it on this kind of machine, or serve the model that it was made from (docs/optimize.md)`;
}
