import { messageOf } from '../errors.js';

const INTERVAL_MS = 60_000;
const MAX_TEXT_LENGTH = 300;

/** Says once a minute what fails, and how often: a storage that is gone fails with every image. */
export class FailureLog {
  readonly #write: (fields: { reason: string; failures: number }) => void;
  readonly #now: () => number;
  #failures = 0;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(write: (fields: { reason: string; failures: number }) => void, now: () => number) {
    this.#write = write;
    this.#now = now;
  }

  add(error: unknown): void {
    this.#failures += 1;
    // Also where the clock was set back.
    if (Math.abs(this.#now() - this.#writtenAt) < INTERVAL_MS) return;
    const reason = `${error instanceof Error ? error.name : 'Error'}: ${messageOf(error)}`;
    this.#write({ reason: reason.slice(0, MAX_TEXT_LENGTH), failures: this.#failures });
    this.#failures = 0;
    this.#writtenAt = this.#now();
  }
}
