export interface PaceLimits {
  /** Bytes that a body has to bring in every second; 0 asks for nothing. */
  readonly bytesPerSecond: number;
  /** How long it may take before that counts, milliseconds. */
  readonly graceMs: number;
}

/**
 * Watches that a body arrives at no less than a given pace, in the mean since its request line. A sender who is ahead
 * may pause for as long as that lasts.
 */
export class BodyPace {
  readonly #limits: PaceLimits;
  readonly #onTooSlow: () => void;
  readonly #startedAt = performance.now();
  #received = 0;
  #timer: NodeJS.Timeout | undefined;
  #isOver: boolean;

  constructor(limits: PaceLimits, onTooSlow: () => void) {
    this.#limits = limits;
    this.#onTooSlow = onTooSlow;
    this.#isOver = limits.bytesPerSecond === 0;
    if (!this.#isOver) this.#wait();
  }

  received(bytes: number): void {
    this.#received += bytes;
  }

  /** The body is complete, or nobody waits for it. Idempotent. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  /** When what has arrived until now is no longer enough. */
  get #dueAt(): number {
    const { graceMs, bytesPerSecond } = this.#limits;
    return this.#startedAt + graceMs + (this.#received / bytesPerSecond) * 1000;
  }

  #wait(): void {
    // What lies in the socket already is read first: a busy event loop is not a slow sender.
    const look = (): void => void setImmediate(() => this.#look());
    this.#timer = setTimeout(look, Math.max(1, this.#dueAt - performance.now()));
  }

  #look(): void {
    if (this.#isOver) return;
    this.#isOver = performance.now() >= this.#dueAt;
    if (this.#isOver) this.#onTooSlow();
    else this.#wait();
  }
}
