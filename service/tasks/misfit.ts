import { ServiceError } from '../errors.js';
import type { TensorInfo } from '../tensor.js';

/** Manifest and file contradict each other: a sentence that says what and where. */
export function misfit(detail: string): never {
  throw new ServiceError('MODEL_INCOMPATIBLE', `Manifest and model do not fit: ${detail}.`);
}

/** The tensor of that name. Throws MODEL_INCOMPATIBLE where the file has none. */
export function named(tensors: readonly TensorInfo[], name: string, kind: 'input' | 'output'): TensorInfo {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found !== undefined) return found;
  const names = tensors.map((tensor) => tensor.name).join(', ');
  return misfit(`the manifest names ${kind} ${name}, the file has ${names}`);
}
