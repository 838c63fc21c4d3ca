import { ServiceError } from '../errors.js';
import type { TensorInfo } from '../tensor.js';
import { classification } from './classification.js';
import { detection } from './detection.js';
import { embedding } from './embedding.js';
import { shapesOf } from './faults.js';
import { instanceSegmentation } from './instance-segmentation.js';
import { keypoints } from './keypoints.js';
import { raw } from './raw.js';
import { segmentation } from './segmentation.js';
import type { Task } from './task.js';

/**
 * All there are. A model that does not say what it is for gets the first that recognises it: names tell more than shapes, what
 * has masks has boxes too, and raw takes everything.
 */
export const TASKS: readonly Task[] = [
  embedding,
  keypoints,
  instanceSegmentation,
  detection,
  segmentation,
  classification,
  raw,
];

export const TASK_NAMES: readonly string[] = TASKS.map(({ name }) => name);

export function taskNamed(name: string): Task | undefined {
  return TASKS.find((task) => task.name === name);
}

/** The task of a model of which only its outputs are known. Throws MODEL_INCOMPATIBLE where none recognises them. */
export function taskFor(outputs: readonly TensorInfo[]): Task {
  const found = TASKS.find((task) => task.recognises(outputs));
  if (found !== undefined) return found;
  throw new ServiceError(
    'MODEL_INCOMPATIBLE',
    `What the model is for cannot be told from its outputs ${shapesOf(outputs)}; say it in the task of a model.json.`,
  );
}
