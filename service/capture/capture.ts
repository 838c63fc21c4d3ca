import type { AnsweredImage, AnswerKeeper, Feedback, JudgedModel, Verdict } from '../answer-keeper.js';
import type { Resource } from '../lifecycle.js';
import type { Logger } from '../telemetry/logging.js';
import { FailureLog } from './failure-log.js';
import { FeedbackRecorder } from './feedback-recorder.js';
import { dayOf, endingOf, folderOf, stemOf } from './names.js';
import { RecentAnswers } from './recent-answers.js';
import { type ReasonToKeep, Sampling, type SamplingOptions } from './sampling.js';
import type { Store, StoredObject } from './store.js';
import { type DropReason, WriteQueue, type WriteQueueOptions } from './write-queue.js';

/** What waits to be written, all together: some hundred photographs. */
const MAX_PENDING_BYTES = 32 * 1024 * 1024;
const WRITE_TIMEOUT_MS = 10_000;
/** How long the end waits for what is not written yet, where there is as much time. */
const CLOSE_MS = 3000;

/** What metrics show. */
export interface CaptureMetrics {
  captured(model: string, why: ReasonToKeep): void;
  captureDropped(model: string, reason: DropReason): void;
  judged(model: string, verdict: Verdict): void;
}

export interface CaptureOptions extends SamplingOptions {
  readonly store: Store;
  readonly metrics: CaptureMetrics;
  readonly logger: Pick<Logger, 'warn'>;
  readonly limits?: Partial<WriteQueueOptions>;
  /** 0 <= x < 1. */
  readonly random?: () => number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Keeps a sample of images with their answers, and what is said of them: behind the back of whoever waits for an answer. */
export class Capture implements AnswerKeeper, Resource {
  readonly name = 'capture';
  readonly #store: Store;
  readonly #metrics: CaptureMetrics;
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #failures: FailureLog;
  readonly #sampling: Sampling;
  readonly #recent = new RecentAnswers();
  readonly #queue: WriteQueue;
  readonly #feedback: FeedbackRecorder;
  readonly #now: () => number;
  /** Images dropped since the service ends: nobody may look at the metrics any more. */
  #lost = 0;
  #endTimer: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor({ store, metrics, logger, limits, random, now = Date.now, ...sampling }: CaptureOptions) {
    this.#store = store;
    this.#metrics = metrics;
    this.#logger = logger;
    this.#now = now;
    this.#failures = new FailureLog((fields) => logger.warn(fields, 'capture fails'), now);
    this.#sampling = new Sampling(sampling, random);
    this.#queue = new WriteQueue(store, {
      maxBytes: MAX_PENDING_BYTES,
      writeTimeoutMs: WRITE_TIMEOUT_MS,
      ...limits,
    });
    this.#feedback = new FeedbackRecorder({
      store,
      recent: this.#recent,
      now,
      onJudged: (model, verdict) => metrics.judged(model, verdict),
      onFailure: (error) => this.#failures.add(error),
    });
  }

  /** Of images that wait to be written. */
  get pendingBytes(): number {
    return this.#queue.bytes;
  }

  answered(image: AnsweredImage): void {
    try {
      this.#take(image);
    } catch (error) {
      this.#dropped(image.model.name, 'failed', error);
    }
  }

  judge(feedback: Feedback, model: JudgedModel, signal: AbortSignal): Promise<Verdict> {
    return this.#feedback.judge(feedback, model, signal);
  }

  /** From now on so much time is left, whatever closes before this. */
  endWithin(ms: number): void {
    this.#endTimer ??= setTimeout(() => this.#queue.stop(), ms);
  }

  /** Writes what waits, for CLOSE_MS at the most. */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  async destroy(): Promise<void> {
    this.#queue.stop();
    await this.close();
  }

  #take(image: AnsweredImage): void {
    const { model, claim, requestId, index, file } = image;
    const atMs = this.#now();
    const stem = stemOf(requestId, index);
    const isNew = this.#recent.add(stem, { model, day: dayOf(atMs), claim });
    const why = this.#sampling.reasonFor(image.scores, atMs);
    if (why === undefined) return;
    const refusal = isNew ? this.#queue.refusal(file.length) : 'duplicate';
    if (refusal === undefined) this.#keep(image, stem, why, atMs);
    else this.#dropped(model.name, refusal);
  }

  #keep(image: AnsweredImage, stem: string, why: ReasonToKeep, atMs: number): void {
    const { name } = image.model;
    this.#queue.add({
      objects: objectsOf(image, stem, why, atMs),
      onWritten: () => this.#metrics.captured(name, why),
      onDropped: (reason, error) => this.#dropped(name, reason, error),
    });
  }

  #dropped(model: string, reason: DropReason, error?: unknown): void {
    this.#metrics.captureDropped(model, reason);
    if (reason === 'stopped') this.#lost += 1;
    if (error !== undefined) this.#failures.add(error);
  }

  async #drain(): Promise<void> {
    const timer = setTimeout(() => this.#queue.stop(), CLOSE_MS);
    await this.#queue.idle();
    clearTimeout(timer);
    clearTimeout(this.#endTimer);
    this.#queue.stop();
    if (this.#lost > 0)
      this.#logger.warn({ images: this.#lost }, 'captures that could not be written before the end');
    this.#store.close();
  }
}

/** The image, then its record: who finds a record finds its image. Made at once, so that what waits is bytes alone. */
function objectsOf(image: AnsweredImage, stem: string, why: ReasonToKeep, atMs: number): StoredObject[] {
  const { model, file } = image;
  const { format } = image.image;
  const path = `${folderOf(model, dayOf(atMs))}/${stem}`;
  const record = Buffer.from(JSON.stringify(recordOf(image, why, atMs)));
  return [
    { path: `${path}.${endingOf(format)}`, bytes: ownBytes(file), type: `image/${format}` },
    { path: `${path}.json`, bytes: record, type: 'application/json' },
  ];
}

function recordOf(
  { requestId, index, model, image, statistics, answer }: AnsweredImage,
  why: ReasonToKeep,
  atMs: number,
): Record<string, unknown> {
  return {
    request_id: requestId,
    index: index ?? 0,
    model,
    captured_at: new Date(atMs).toISOString(),
    image,
    statistics,
    answer,
    why,
  };
}

/** A part of something larger would keep all of that. */
function ownBytes(file: Uint8Array): Uint8Array {
  return file.byteLength === file.buffer.byteLength ? file : new Uint8Array(file);
}
