import { ServiceError } from '../errors.js';
import { sigmoid, softmax } from './softmax.js';
import { topK } from './top-k.js';

export interface Classification {
  readonly label: string;
  readonly class_id: number;
  /** 0..1 for softmax and sigmoid. */
  readonly score: number;
}

export interface ClassificationOptions {
  readonly activation: 'softmax' | 'sigmoid' | 'none';
  readonly labels: readonly string[];
  readonly topK: number;
  readonly threshold: number;
}

/** Significant digits of a score: about what a 32-bit float holds. */
const SCORE_DIGITS = 6;

const ACTIVATIONS = { softmax, sigmoid, none: (values: Float32Array) => values };

/**
 * Scores of one image to its best classes, best first, none below the threshold.
 * @param values one for each class
 * Throws INFERENCE_FAILED when the model answered with something that is not a number.
 */
export function classify(values: Float32Array, options: ClassificationOptions): Classification[] {
  if (values.length !== options.labels.length) {
    throw failure(`The model gave ${values.length} scores for ${options.labels.length} labels.`);
  }
  const scores = ACTIVATIONS[options.activation](values);
  if (!areNumbers(scores)) throw failure('The model gave scores that are not numbers.');
  return topK(scores, options.topK)
    .map((id) => ({ label: options.labels[id] ?? '', class_id: id, score: scores[id] ?? 0 }))
    .filter((prediction) => prediction.score >= options.threshold)
    .map((prediction) => ({ ...prediction, score: Number(prediction.score.toPrecision(SCORE_DIGITS)) }));
}

function areNumbers(scores: Float32Array): boolean {
  for (let id = 0; id < scores.length; id++) {
    if (!Number.isFinite(scores[id])) return false;
  }
  return true;
}

function failure(detail: string): ServiceError {
  return new ServiceError('INFERENCE_FAILED', detail);
}
