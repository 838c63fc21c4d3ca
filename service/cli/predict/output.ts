import type { AnswerRecord } from './record.js';

/** Where answers go. */
export interface Output {
  /** Names of the files that were answered there before. */
  readonly done: ReadonlySet<string>;
  /** How many of those have an error. */
  readonly failedBefore: number;
  /** Whether everything was answered there before. */
  readonly isFinished: boolean;
  /** For people: what can be done about the images that are left when a run is stopped. */
  readonly whenStopped: string;
  /** Aborts where nobody reads any more. */
  readonly gone?: AbortSignal;
  /** Settles when there is room for more. Rejects with CannotGoOn. */
  write(record: AnswerRecord): Promise<void>;
  /** @param isComplete whether every image has been answered */
  close(isComplete: boolean): Promise<void>;
}

export const NOTHING_BEFORE = { done: new Set<string>(), failedBefore: 0, isFinished: false } as const;
