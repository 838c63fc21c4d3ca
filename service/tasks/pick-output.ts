import type { TensorInfo } from '../tensor.js';
import { misfit, named, shapesOf } from './faults.js';

/**
 * The output that the manifest names, or the first that fits. Throws MODEL_INCOMPATIBLE where it is none of these.
 * @param wanted what would fit, for a sentence
 */
export function pickOutput(
  outputs: readonly TensorInfo[],
  name: string | undefined,
  fits: (output: TensorInfo) => boolean,
  wanted: string,
): TensorInfo {
  const candidates = name === undefined ? outputs : [named(outputs, name, 'output')];
  return candidates.find(fits) ?? misfit(`${wanted}, the file has ${shapesOf(candidates)}`);
}
