import { ServiceError } from '../errors.js';
import type { Row, RowResult } from '../inference/runner.js';

export interface QueueLimits {
  readonly maxImages: number;
  readonly maxBytes: number;
}

export interface QueuedRow {
  readonly row: Row;
  /** Expected time to decode it, where the engine has that to do, milliseconds. */
  readonly decodeMs: number;
  readonly queuedAt: number;
  readonly signal: AbortSignal;
  readonly settle: (result: QueueResult) => void;
  readonly fail: (error: unknown) => void;
}

/** The times of one image; together they are what passed between entering the queue and the answer. */
export interface QueueResult {
  readonly item: RowResult;
  /** Waiting: for a slot, and for the others of the batch to be decoded. */
  readonly queueMs: number;
  /** Decoding this image, where the engine did that. */
  readonly decodeMs: number;
  /** All else that the engine did for the batch. */
  readonly inferenceMs: number;
  /** From the outputs to this answer. */
  readonly interpretMs: number;
}

/**
 * First in, first out; bounded in images and bytes. Whoever leaves is taken out and failed with the signal's reason
 * at once, also after it was taken for a run.
 */
export class RowQueue {
  readonly #limits: QueueLimits;
  readonly #waiting = new Set<QueuedRow>();
  #bytes = 0;
  #decodeMs = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get images(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Expected time to decode all that waits, milliseconds. */
  get decodeMs(): number {
    return this.#decodeMs;
  }

  get oldestQueuedAt(): number | undefined {
    return this.#waiting.keys().next().value?.queuedAt;
  }

  /** Throws OVERLOADED when a limit would be passed. An image larger than the byte limit still enters an empty queue. */
  add(each: QueuedRow, retryAfterSeconds: number): void {
    const isFull =
      this.images >= this.#limits.maxImages ||
      (this.images > 0 && this.#bytes + each.row.bytes > this.#limits.maxBytes);
    if (isFull) {
      throw new ServiceError('OVERLOADED', `The queue is full: ${this.images} images wait already.`, {
        retryAfterSeconds,
      });
    }
    const leave = (): void => {
      this.#remove(each);
      each.fail(each.signal.reason);
    };
    each.signal.addEventListener('abort', leave, { once: true });
    this.#waiting.add(each);
    this.#bytes += each.row.bytes;
    this.#decodeMs += each.decodeMs;
  }

  /** Takes the oldest images out. */
  take(count: number): QueuedRow[] {
    const taken = [...this.#first(count)];
    for (const each of taken) this.#remove(each);
    return taken;
  }

  /** Fails everyone who waits. */
  clear(error: unknown): void {
    for (const each of this.take(this.images)) each.fail(error);
  }

  *#first(count: number): Generator<QueuedRow> {
    let left = count;
    for (const each of this.#waiting.keys()) {
      if (left-- <= 0) return;
      yield each;
    }
  }

  #remove(each: QueuedRow): void {
    if (!this.#waiting.delete(each)) return;
    this.#bytes -= each.row.bytes;
    this.#decodeMs -= each.decodeMs;
  }
}
