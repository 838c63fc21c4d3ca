import { ServiceError } from '../errors.js';
import type { InferenceRunner, Row, RowResult } from '../inference/runner.js';
import { cutSize } from './cut-policy.js';
import { type QueuedRow, type QueueLimits, type QueueResult, RowQueue } from './queue.js';
import { ServiceTime } from './service-time.js';

export interface BatcherOptions extends QueueLimits {
  readonly maxBatchSize: number;
  /** How long an image may wait for company, milliseconds; 0 never waits. */
  readonly maxWaitMs: number;
  /** How long an image takes to run, as far as is known, milliseconds; 0: not at all. */
  readonly msPerImage?: number;
  /** Told of every batch that ran. */
  readonly onBatch?: (images: number) => void;
}

export type ServedRow = Omit<QueueResult, 'item'> & Exclude<RowResult, { failure: unknown }>;

const NO_RESULT: RowResult = {
  failure: { reason: 'the engine returned no result for this row', detail: undefined },
};

/**
 * Pull batching: a free slot takes what has queued meanwhile, up to the batch limit.
 * Under light load every image runs alone and at once; under heavy load batches form by themselves.
 */
export class Batcher {
  readonly #runner: InferenceRunner;
  readonly #options: BatcherOptions;
  readonly #queue: RowQueue;
  readonly #serviceTime: ServiceTime;
  #running = 0;
  #imagesRunning = 0;
  #decodeMsRunning = 0;
  #waitTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;

  constructor(runner: InferenceRunner, options: BatcherOptions) {
    this.#runner = runner;
    this.#options = options;
    this.#queue = new RowQueue(options);
    this.#serviceTime = new ServiceTime(options.msPerImage ?? 0);
    runner.onSlotsGrown = () => this.#cut();
  }

  get queuedImages(): number {
    return this.#queue.images;
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /**
   * Expected time until so many images more would have been served, after all that is queued and running, milliseconds;
   * 0 before anything was measured.
   * @param decodeMs expected time to decode them, where the engine has that to do
   */
  expectedMs(images: number, decodeMs: number): number {
    const all = this.#queue.images + this.#imagesRunning + images;
    const decoding = this.#queue.decodeMs + this.#decodeMsRunning + decodeMs;
    return (all * this.#serviceTime.perImageMs + decoding) / Math.max(1, this.#runner.slots);
  }

  /**
   * Queues one row and resolves with its answer, or with its file where the engine cannot decode that. The image is
   * given away.
   * Rejects with OVERLOADED when the queue is full, SHUTTING_DOWN when it is closed, WORKER_LOST when its thread
   * died, INFERENCE_FAILED when the model has no answer to this image, and with the signal's reason once that aborts.
   * @param decodeMs expected time to decode it, where the engine has that to do
   */
  async submit(row: Row, signal: AbortSignal, decodeMs = 0): Promise<ServedRow> {
    signal.throwIfAborted();
    if (this.#closing !== undefined) throw new ServiceError('SHUTTING_DOWN', 'The service is shutting down.');
    const { item, ...times } = await new Promise<QueueResult>((settle, fail) => {
      this.#queue.add(
        { row, decodeMs, signal, queuedAt: performance.now(), settle, fail },
        this.#retryAfterSeconds(),
      );
      this.#cut();
    });
    if ('failure' in item) {
      const { reason, detail = 'The model could not process this image.' } = item.failure;
      throw new ServiceError('INFERENCE_FAILED', detail, { cause: reason });
    }
    return { ...item, ...times };
  }

  /** Serves what is queued, then ends. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  /** Fails what is queued with SHUTTING_DOWN. Idempotent. */
  destroy(): void {
    this.#closing ??= Promise.resolve();
    clearTimeout(this.#waitTimer);
    this.#queue.clear(new ServiceError('SHUTTING_DOWN', 'The service is shutting down.'));
    this.#onDrained?.();
  }

  #retryAfterSeconds(): number {
    return Math.max(1, Math.ceil(this.expectedMs(0, 0) / 1000));
  }

  async #drain(): Promise<void> {
    if (this.#queue.images === 0 && this.#running === 0) return;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
    });
  }

  #cut(): void {
    clearTimeout(this.#waitTimer);
    for (;;) {
      const oldest = this.#queue.oldestQueuedAt;
      if (oldest === undefined) return;
      const freeSlots = this.#runner.slots - this.#running;
      const oldestWaitMs = performance.now() - oldest;
      const { maxBatchSize, maxWaitMs } = this.#options;
      const size = cutSize({ queued: this.#queue.images, freeSlots, maxBatchSize, oldestWaitMs, maxWaitMs });
      if (size === 0) {
        if (freeSlots > 0)
          this.#waitTimer = setTimeout(() => this.#cut(), Math.max(1, maxWaitMs - oldestWaitMs));
        return;
      }
      void this.#runBatch(this.#queue.take(size));
    }
  }

  async #runBatch(batch: readonly QueuedRow[]): Promise<void> {
    const startedAt = performance.now();
    this.#running += 1;
    this.#imagesRunning += batch.length;
    const expectedDecodeMs = batch.reduce((sum, each) => sum + each.decodeMs, 0);
    this.#decodeMsRunning += expectedDecodeMs;
    this.#options.onBatch?.(batch.length);
    try {
      const { items, times } = await this.#runner.run(batch.map(({ row }) => row));
      const runMs = performance.now() - startedAt;
      const decodingMs = times.reduce((sum, { decodeMs }) => sum + decodeMs, 0);
      const interpretingMs = times.reduce((sum, { interpretMs }) => sum + interpretMs, 0);
      this.#serviceTime.record(runMs - decodingMs, batch.length);
      for (const [index, each] of batch.entries()) {
        const item = items[index] ?? NO_RESULT;
        const { decodeMs, interpretMs } = times[index] ?? { decodeMs: 0, interpretMs: 0 };
        each.settle({
          item,
          queueMs: startedAt - each.queuedAt + decodingMs - decodeMs + interpretingMs - interpretMs,
          decodeMs,
          inferenceMs: runMs - decodingMs - interpretingMs,
          interpretMs,
        });
      }
    } catch (error) {
      for (const each of batch) each.fail(error);
    } finally {
      this.#running -= 1;
      this.#imagesRunning -= batch.length;
      this.#decodeMsRunning -= expectedDecodeMs;
      this.#cut();
      if (this.#running === 0 && this.#queue.images === 0) this.#onDrained?.();
    }
  }
}
