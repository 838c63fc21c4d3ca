import { ServiceError } from '../errors.js';
import { otherThan, type Traffic } from '../fairness/traffic.js';
import type { InferenceRunner, Row, RowResult } from '../inference/runner.js';
import type { TraceContext } from '../telemetry/trace-context.js';
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

/** Images that came now. */
export interface Arrival {
  readonly traffic: Traffic;
  readonly images: number;
  /** Expected time to decode them, where the engine has that to do, milliseconds. */
  readonly decodeMs: number;
  /** Images of the other traffic that are still being decoded elsewhere. Default 0. */
  readonly othersToCome?: number;
}

export interface SubmitOptions {
  /** Default single. */
  readonly traffic?: Traffic | undefined;
  /** Expected time to decode it, where the engine has that to do, milliseconds. Default 0. */
  readonly decodeMs?: number;
  /** That it belongs to, where there is one. */
  readonly trace?: TraceContext | undefined;
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
   * Expected time until images that came now would have been served, milliseconds: after all of their traffic that is
   * queued, as many of the other's, and what runs; 0 before anything was measured.
   */
  expectedMs({ traffic, images, decodeMs, othersToCome = 0 }: Arrival): number {
    const other = otherThan(traffic);
    const own = this.#queue.imagesOf(traffic) + images;
    const others = this.#queue.imagesOf(other) + othersToCome;
    const between = Math.min(others, own);
    const betweenDecodeMs = (this.#queue.decodeMsOf(other) * between) / Math.max(1, others);
    const decodingMs = this.#decodeMsRunning + this.#queue.decodeMsOf(traffic) + decodeMs + betweenDecodeMs;
    const runningMs = (this.#imagesRunning + own + between) * this.#serviceTime.perImageMs;
    return (runningMs + decodingMs) / Math.max(1, this.#runner.slots);
  }

  /**
   * Queues one row and resolves with its answer, or with its file where the engine cannot decode that. The image is
   * given away.
   * Rejects with OVERLOADED when the queue is full, SHUTTING_DOWN when it is closed, WORKER_LOST when its thread
   * died, INFERENCE_FAILED when the model has no answer to this image, and with the signal's reason once that aborts.
   */
  async submit(
    row: Row,
    signal: AbortSignal,
    { traffic = 'single', decodeMs = 0, trace }: SubmitOptions = {},
  ): Promise<ServedRow> {
    signal.throwIfAborted();
    if (this.#closing !== undefined) throw new ServiceError('SHUTTING_DOWN', 'The service is shutting down.');
    const { item, ...times } = await new Promise<QueueResult>((settle, fail) => {
      this.#queue.add(
        { row, traffic, decodeMs, trace, signal, queuedAt: performance.now(), settle, fail },
        this.#retryAfterSeconds(traffic),
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

  #retryAfterSeconds(traffic: Traffic): number {
    return Math.max(1, Math.ceil(this.expectedMs({ traffic, images: 0, decodeMs: 0 }) / 1000));
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
      const { slots } = this.#runner;
      const freeSlots = slots - this.#running;
      const oldestWaitMs = performance.now() - oldest;
      const { maxBatchSize, maxWaitMs } = this.#options;
      const queued = this.#queue.images;
      const size = cutSize({ queued, slots, freeSlots, maxBatchSize, oldestWaitMs, maxWaitMs });
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
      const run = { startedAt, durationMs: runMs, images: batch.length, traces: tracesOf(batch) };
      for (const [index, each] of batch.entries()) {
        const item = items[index] ?? NO_RESULT;
        const { decodeMs, interpretMs } = times[index] ?? { decodeMs: 0, interpretMs: 0 };
        each.settle({
          item,
          queueMs: startedAt - each.queuedAt + decodingMs - decodeMs + interpretingMs - interpretMs,
          decodeMs,
          inferenceMs: runMs - decodingMs - interpretingMs,
          interpretMs,
          batch: run,
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

/** Each once: a request may have several images in a batch. */
function tracesOf(batch: readonly QueuedRow[]): TraceContext[] {
  return [...new Set(batch.flatMap(({ trace }) => trace ?? []))];
}
