import { ServiceError } from '../errors.js';
import { FairQueue } from '../fairness/fair-queue.js';
import { SharedLimit } from '../fairness/shared-limit.js';
import type { Traffic } from '../fairness/traffic.js';
import type { Row, RowResult } from '../inference/runner.js';
import type { BatchRun } from '../telemetry/stages.js';
import type { TraceContext } from '../telemetry/trace-context.js';

export interface QueueLimits {
  readonly maxImages: number;
  readonly maxBytes: number;
}

export interface QueuedRow {
  readonly row: Row;
  readonly traffic: Traffic;
  /** Expected time to decode it, where the engine has that to do, milliseconds. */
  readonly decodeMs: number;
  readonly queuedAt: number;
  /** That it belongs to, where there is one. */
  readonly trace: TraceContext | undefined;
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
  readonly batch: BatchRun;
}

/**
 * Bounded in images and bytes. Whoever leaves is taken out and failed with the signal's reason at once, also after it
 * was taken for a run.
 */
export class RowQueue {
  readonly #maxImages: number;
  readonly #bytes: SharedLimit;
  readonly #waiting = new FairQueue<QueuedRow & { readonly cost: 1 }>();
  readonly #decodeMs: Record<Traffic, number> = { single: 0, batch: 0 };

  constructor({ maxImages, maxBytes }: QueueLimits) {
    this.#maxImages = maxImages;
    this.#bytes = new SharedLimit(maxBytes);
  }

  get images(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes.taken;
  }

  imagesOf(traffic: Traffic): number {
    return this.#waiting.count(traffic);
  }

  /** Expected time to decode all that waits, milliseconds. */
  decodeMsOf(traffic: Traffic): number {
    return this.#decodeMs[traffic];
  }

  get oldestQueuedAt(): number | undefined {
    const firsts = [this.#waiting.first('single'), this.#waiting.first('batch')];
    const times = firsts.flatMap((each) => (each === undefined ? [] : [each.queuedAt]));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Throws OVERLOADED when a limit would be passed. An image larger than the byte limit still enters an empty queue. */
  add(row: QueuedRow, retryAfterSeconds: number): void {
    const each = { ...row, cost: 1 } as const;
    const isFull =
      this.images >= this.#maxImages || (this.images > 0 && !this.#bytes.fits(each.traffic, each.row.bytes));
    if (isFull) {
      throw new ServiceError('OVERLOADED', `The queue is full: ${this.images} images wait already.`, {
        retryAfterSeconds,
      });
    }
    const leave = (): void => {
      if (this.#waiting.delete(each)) this.#left(each);
      each.fail(each.signal.reason);
    };
    each.signal.addEventListener('abort', leave, { once: true });
    this.#waiting.add(each);
    this.#bytes.take(each.traffic, each.row.bytes);
    this.#decodeMs[each.traffic] += each.decodeMs;
  }

  /** Takes out those whose turn it is. */
  take(count: number): QueuedRow[] {
    const taken: QueuedRow[] = [];
    while (taken.length < count) {
      const each = this.#waiting.take();
      if (each === undefined) break;
      this.#left(each);
      taken.push(each);
    }
    return taken;
  }

  /** Fails everyone who waits. */
  clear(error: unknown): void {
    for (const each of this.take(this.images)) each.fail(error);
  }

  #left({ traffic, row, decodeMs }: QueuedRow): void {
    this.#bytes.give(traffic, row.bytes);
    this.#decodeMs[traffic] -= decodeMs;
  }
}
