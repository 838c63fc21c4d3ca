import { ServiceError } from '../errors.js';
import type { TensorInfo } from '../tensor.js';

/** Manifest and file contradict each other: a sentence that says what and where. */
export function misfit(detail: string): never {
  throw new ServiceError('MODEL_INCOMPATIBLE', `Manifest and model do not fit: ${detail}.`);
}

/**
 * A model gave something that is no answer.
 * @param cause what was found, for the log
 */
export function failure(detail: string, cause?: string): ServiceError {
  return new ServiceError('INFERENCE_FAILED', detail, { cause });
}

/** The tensor of that name. Throws MODEL_INCOMPATIBLE where the file has none. */
export function named(tensors: readonly TensorInfo[], name: string, kind: 'input' | 'output'): TensorInfo {
  const found = tensors.find((tensor) => tensor.name === name);
  if (found !== undefined) return found;
  const names = tensors.map((tensor) => tensor.name).join(', ');
  return misfit(`the manifest names ${kind} ${name}, the file has ${names}`);
}

/** Tensors with their shapes, for a sentence. */
export function shapesOf(tensors: readonly TensorInfo[]): string {
  return tensors.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ');
}
