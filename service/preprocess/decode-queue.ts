import { ServiceError } from '../errors.js';

interface Waiting {
  start(): void;
}

/**
 * Runs so many tasks at once and keeps the others waiting, first come, first served. It stands in front of the thread
 * pool, which cannot forget what it was given: here whoever has left is dropped before any work is done.
 */
export class DecodeQueue {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Waiting>();
  #active = 0;

  constructor(concurrency: number, maxWaiting: number) {
    this.#concurrency = concurrency;
    this.#maxWaiting = maxWaiting;
  }

  get active(): number {
    return this.#active;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Runs a task when its turn comes. Rejects with the signal's reason as soon as it aborts; a task that runs already
   * keeps its place until it ends. Rejects with OVERLOADED when too many wait.
   */
  run<T>(task: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#active >= this.#concurrency && this.#waiting.size >= this.#maxWaiting) {
      const detail = 'Too many images are waiting to be decoded.';
      return Promise.reject(new ServiceError('OVERLOADED', detail, { retryAfterSeconds: 1 }));
    }
    return new Promise<T>((resolve, reject) => {
      const entry = { start: () => this.#run(task).then(resolve, reject).finally(forget) };
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

  async #run<T>(task: () => Promise<T>): Promise<T> {
    this.#active++;
    try {
      return await task();
    } finally {
      this.#active--;
      this.#startNext();
    }
  }

  #startNext(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#active >= this.#concurrency) return;
    this.#waiting.delete(next);
    next.start();
  }
}
