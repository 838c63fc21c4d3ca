/** Replacements that have to fail in a row before nothing more is expected of them. */
const HOPELESS_FAILURES = 5;
/** How often a pool without a slot is looked at once it has had its time, milliseconds. */
const LOOK_AGAIN_MS = 1000;

export interface PoolHealthOptions {
  /** How long a pool may be without a slot before it is judged, milliseconds. */
  readonly graceMs: number;
  /** Whether no replacement can be started. */
  readonly isBlocked: () => boolean;
  /** Told each time that the pool turns out to be beyond help. */
  readonly onFailed: () => void;
}

/**
 * Tells a pool that is beyond help from one that is healing. It has failed when for `graceMs` there was no slot, and
 * either no replacement can be started or the last five have failed. It has not once it has a slot again.
 */
export class PoolHealth {
  readonly #options: PoolHealthOptions;
  #failures = 0;
  #hasFailed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PoolHealthOptions) {
    this.#options = options;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  lostSlot(slotsLeft: number): void {
    if (slotsLeft > 0 || this.#timer !== undefined) return;
    this.#judgeIn(this.#options.graceMs);
  }

  gainedSlot(): void {
    this.stop();
    this.#failures = 0;
    this.#hasFailed = false;
  }

  replacementFailed(): void {
    this.#failures += 1;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #judgeIn(ms: number): void {
    this.#timer = setTimeout(() => this.#judge(), ms).unref();
  }

  #judge(): void {
    const hopeless = this.#failures >= HOPELESS_FAILURES || this.#options.isBlocked();
    if (hopeless && !this.#hasFailed) this.#options.onFailed();
    this.#hasFailed = hopeless;
    this.#judgeIn(LOOK_AGAIN_MS);
  }
}
