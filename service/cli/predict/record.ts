import { answerFor } from '../../http/error-responses.js';
import type { Prediction } from '../../predict.js';
import type { ModelReference } from '../../serving/serving-model.js';
import type { Parameters } from '../../tasks/task.js';

/** What all records of one run have in common. */
export interface RunInfo {
  readonly model: ModelReference;
  readonly task: string;
  /** As they were asked for; empty: as the model says. */
  readonly parameters: Parameters;
}

/** What became of an image, as in a result of POST /predict/batch. */
export interface AnsweredImage {
  readonly image?: Prediction['image'];
  readonly answer?: Prediction['answer'];
  readonly error?: {
    readonly code: string;
    readonly status: number;
    readonly title: string;
    readonly detail: string;
  };
}

/** One image's part of the output. */
export interface AnswerRecord extends AnsweredImage, RunInfo {
  readonly file: string;
}

export function answered({ image, answer }: Prediction): AnsweredImage {
  return { image, answer };
}

export function refused(thrown: unknown): AnsweredImage {
  const { code, status, title, detail } = answerFor(thrown);
  return { error: { code, status, title, detail } };
}

/** In an order of their own, so that they can be compared. */
export function parametersText(parameters: Parameters): string {
  const entries = Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? '' : JSON.stringify(Object.fromEntries(entries));
}
