import type { Claim } from './tasks/claim.js';
import type { Answer } from './tasks/task.js';

/** The model that an answer is of. */
export interface AnsweringModel {
  readonly name: string;
  readonly version: string;
  readonly digest: string;
}

/** An image that has been answered. */
export interface AnsweredImage {
  readonly requestId: string;
  /** Position in its batch; undefined where it came alone. */
  readonly index: number | undefined;
  readonly model: AnsweringModel;
  /** As it came. Nobody else changes it or gives it away. */
  readonly file: Uint8Array;
  /** Width and height in pixels, as a person sees it. */
  readonly image: { readonly width: number; readonly height: number; readonly format: string };
  readonly answer: Answer;
  readonly claim: Claim | undefined;
  /** Of the labels given, 0..1. */
  readonly scores: readonly number[];
  /** What was measured of its pixels, where that is done. */
  readonly statistics?: object | undefined;
}

/** What somebody who has looked at an image says of it. */
export interface Feedback {
  /** Of the request that it was answered in, and its position in the batch; undefined where it came alone. */
  readonly requestId: string;
  readonly index: number | undefined;
  readonly truth: Claim;
}

/** unknown: the answer is not known here, or knowing it would not be fair to those that are not (docs/capture.md). */
export const VERDICTS = ['correct', 'wrong', 'unknown'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** The model that feedback is given on. */
export interface JudgedModel {
  readonly reference: AnsweringModel;
  claim(answer: Answer): Claim | undefined;
}

/** Whoever keeps answers, and what is said of them. */
export interface AnswerKeeper {
  /** Neither waits nor throws. */
  answered(image: AnsweredImage): void;
  /**
   * Resolves once the feedback is kept; the same once more changes nothing but its date.
   * Rejects with STORAGE_UNAVAILABLE, OVERLOADED where too much is being kept, and the signal's reason once that aborts.
   */
  judge(feedback: Feedback, model: JudgedModel, signal: AbortSignal): Promise<Verdict>;
}
