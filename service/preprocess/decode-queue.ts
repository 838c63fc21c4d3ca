import { ServiceError } from '../errors.js';

/** Share of what was seen before that still counts with each task. */
const MEMORY = 0.95;
/** Expectations are never believed to be further off than this. */
const LEAST_SLOWNESS = 0.5;
const MOST_SLOWNESS = 50;

interface Waiting {
  readonly costMs: number;
  start(): void;
}

interface Running {
  readonly costMs: number;
  readonly startedAt: number;
}

/**
 * Runs so many tasks at once and keeps the others waiting, first come, first served. It stands in front of the thread
 * pool, which cannot forget what it was given: here whoever has left is dropped before any work is done.
 */
export class DecodeQueue {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Waiting>();
  readonly #running = new Set<Running>();
  readonly #onIdle: (() => void)[] = [];
  #waitingMs = 0;
  /** What the last tasks were expected to take, and took, milliseconds. */
  #expectedMs = 0;
  #tookMs = 0;

  constructor(concurrency: number, maxWaiting: number) {
    this.#concurrency = concurrency;
    this.#maxWaiting = maxWaiting;
  }

  get active(): number {
    return this.#running.size;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * What is expected of all that wait and of the rest of what runs, milliseconds, summed; as much slower as the last tasks
   * were than what was expected of them, since others may use the same processors.
   */
  get backlogMs(): number {
    const now = performance.now();
    const slowness = this.#slowness;
    let sum = slowness * this.#waitingMs;
    for (const { costMs, startedAt } of this.#running)
      sum += Math.max(0, slowness * costMs - (now - startedAt));
    return sum;
  }

  get #slowness(): number {
    if (this.#expectedMs === 0) return 1;
    return Math.min(MOST_SLOWNESS, Math.max(LEAST_SLOWNESS, this.#tookMs / this.#expectedMs));
  }

  /**
   * Runs a task when its turn comes. Rejects with the signal's reason as soon as it aborts; a task that runs already
   * keeps its place until it ends. Rejects with OVERLOADED when too many wait.
   * @param costMs what the task is expected to take
   */
  run<T>(task: () => Promise<T>, costMs: number, signal: AbortSignal | undefined): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.active >= this.#concurrency && this.#waiting.size >= this.#maxWaiting) {
      const detail = 'Too many images are waiting to be decoded.';
      return Promise.reject(new ServiceError('OVERLOADED', detail, { retryAfterSeconds: 1 }));
    }
    return new Promise<T>((resolve, reject) => {
      const entry: Waiting = {
        costMs,
        start: () => void this.#run(task, costMs).then(resolve, reject).finally(forget),
      };
      const leave = (): void => {
        this.#forget(entry);
        reject(signal?.reason);
      };
      const forget = (): void => signal?.removeEventListener('abort', leave);
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.add(entry);
      this.#waitingMs += costMs;
      this.#startNext();
    });
  }

  async #run<T>(task: () => Promise<T>, costMs: number): Promise<T> {
    const running: Running = { costMs, startedAt: performance.now() };
    this.#running.add(running);
    try {
      const result = await task();
      // Of those that fail nothing is learned: they may fail at once, whatever their files say of their size.
      this.#expectedMs = MEMORY * this.#expectedMs + costMs;
      this.#tookMs = MEMORY * this.#tookMs + performance.now() - running.startedAt;
      return result;
    } finally {
      this.#running.delete(running);
      this.#startNext();
    }
  }

  /** Settles when nothing runs or waits. */
  async idle(): Promise<void> {
    if (this.active + this.waiting === 0) return;
    await new Promise<void>((resolve) => void this.#onIdle.push(resolve));
  }

  #startNext(): void {
    const [next] = this.#waiting;
    if (next === undefined && this.active === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    if (next === undefined || this.active >= this.#concurrency) return;
    this.#forget(next);
    next.start();
  }

  #forget(entry: Waiting): void {
    if (!this.#waiting.delete(entry)) return;
    // Of nothing is nothing left: sums of fractions drift.
    this.#waitingMs = this.#waiting.size === 0 ? 0 : this.#waitingMs - entry.costMs;
  }
}
