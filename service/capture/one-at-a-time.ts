import { unlessAborted } from '../unless-aborted.js';

/**
 * Work on a disk, one operation after the other: where that hangs, it holds one thread of libuv's pool, which decodes
 * images as well, and what waits leaves when its time is up.
 */
export class OneAtATime {
  readonly #waiting = new Set<() => void>();
  #isBusy = false;

  /** Rejects with the signal's reason once that aborts; work that has begun goes on. */
  async run<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    signal.throwIfAborted();
    if (this.#isBusy) await this.#turn(signal);
    this.#isBusy = true;
    const done = work().finally(() => this.#next());
    return unlessAborted(done, signal);
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(start);
        signal.removeEventListener('abort', leave);
        reject(signal.reason);
      };
      this.#waiting.add(start);
      signal.addEventListener('abort', leave);
    });
  }

  #next(): void {
    const [start] = this.#waiting;
    if (start === undefined) {
      this.#isBusy = false;
      return;
    }
    this.#waiting.delete(start);
    start();
  }
}
