import { ServiceError } from '../errors.js';
import { FairQueue, type Waiting } from '../fairness/fair-queue.js';
import type { Traffic } from '../fairness/traffic.js';

/** Share of what was seen before that still counts with each task. */
const MEMORY = 0.95;
/** Expectations are never believed to be further off than this. */
const LEAST_SLOWNESS = 0.5;
const MOST_SLOWNESS = 50;

/** @see Waiting; costs are what they are expected to take, milliseconds. */
interface Task extends Waiting {
  start(): void;
}

interface Running {
  readonly costMs: number;
  readonly startedAt: number;
}

/**
 * Runs so many tasks at once and keeps the others waiting. It stands in front of the decoders, which cannot forget what
 * they were given: here whoever has left is dropped before any work is done.
 */
export class DecodeQueue {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #waiting = new FairQueue<Task>();
  readonly #running = new Set<Running>();
  readonly #onIdle: (() => void)[] = [];
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

  waitingOf(traffic: Traffic): number {
    return this.#waiting.count(traffic);
  }

  /**
   * What is expected to be decoded until so much more of this traffic has been, with that, and the rest of what runs,
   * milliseconds, summed; what is there already as much slower as the last tasks were than what was expected of them,
   * since others may use the same processors.
   */
  backlogMs(traffic: Traffic, moreMs: number): number {
    const now = performance.now();
    const slowness = this.#slowness;
    let sum = moreMs + slowness * (this.#waiting.costUntil(traffic, moreMs) - moreMs);
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
  run<T>(
    task: () => Promise<T>,
    costMs: number,
    signal: AbortSignal | undefined,
    traffic: Traffic = 'single',
  ): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.active >= this.#concurrency && this.#waiting.size >= this.#maxWaiting) {
      const detail = 'Too many images are waiting to be decoded.';
      return Promise.reject(new ServiceError('OVERLOADED', detail, { retryAfterSeconds: 1 }));
    }
    return new Promise<T>((resolve, reject) => {
      const entry: Task = {
        traffic,
        cost: costMs,
        start: () => void this.#run(task, costMs).then(resolve, reject).finally(forget),
      };
      const leave = (): void => {
        this.#waiting.delete(entry);
        reject(signal?.reason);
      };
      const forget = (): void => signal?.removeEventListener('abort', leave);
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.add(entry);
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
    if (this.active + this.waiting === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    if (this.active < this.#concurrency) this.#waiting.take()?.start();
  }
}
