import { ServiceError } from '../../errors.js';
import { rowOf } from '../../inference/row.js';
import type { InferenceRunner, Row, RowResult, RunResult } from '../../inference/runner.js';
import { fileOf, type ModelImage, type Pixels } from '../../preprocess/image.js';

interface PendingRun {
  readonly batch: readonly Row[];
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
}

/** How long each JPEG takes to decode, it says. */
export const DECODE_MS = 5;

/** A runner whose runs end when the test says so. The answer to an image is its first byte. */
export class ControlledRunner implements InferenceRunner {
  onSlotsGrown: (() => void) | undefined;
  readonly pending: PendingRun[] = [];
  readonly batchSizes: number[] = [];
  #slots: number;

  constructor(slots = 1) {
    this.#slots = slots;
  }

  get slots(): number {
    return this.#slots;
  }

  setSlots(slots: number): void {
    this.#slots = slots;
    this.onSlotsGrown?.();
  }

  run(batch: readonly Row[]): Promise<RunResult> {
    this.batchSizes.push(batch.length);
    return new Promise((resolve, reject) => this.pending.push({ batch, resolve, reject }));
  }

  /** Ends the oldest run. */
  async finish(failures: Readonly<Record<number, string>> = {}): Promise<void> {
    const run = this.#next();
    const items = run.batch.map(({ image, isKept }, index) => {
      const reason = failures[index];
      if (reason !== undefined) return { failure: { reason, detail: undefined } };
      const file = isKept === true ? fileOf(image) : undefined;
      return { answer: { value: firstByte(image) }, ...(file && { file }) };
    });
    this.#resolve(run, items);
    await settle();
  }

  /** Ends the oldest run by handing back the files of its images. */
  async handBack(): Promise<void> {
    const run = this.#next();
    const items = run.batch.map(({ image }) => {
      const file = fileOf(image);
      if (file !== undefined) return { returned: file };
      return { failure: { reason: 'no file', detail: undefined } };
    });
    this.#resolve(run, items);
    await settle();
  }

  /** Loses the thread of the oldest run. */
  async lose(): Promise<void> {
    this.#next().reject(new ServiceError('WORKER_LOST', 'lost'));
    await settle();
  }

  async close(): Promise<void> {}
  async destroy(): Promise<void> {}

  #resolve(run: PendingRun, items: readonly RowResult[]): void {
    const times = run.batch.map(({ image }) => ({
      decodeMs: fileOf(image) === undefined ? 0 : DECODE_MS,
      interpretMs: 0,
    }));
    run.resolve({ items, times, resampleMs: 1, runMs: 1 });
  }

  #next(): PendingRun {
    const run = this.pending.shift();
    if (run === undefined) throw new Error('nothing is being run');
    return run;
  }
}

/** An image of one pixel, told apart by its first byte. */
export function onePixel(value: number): Row {
  return plainRow({ data: new Uint8Array([value, 0, 0]).buffer, width: 1, height: 1 });
}

/** A whole image of which nothing is asked. */
export function plainRow(image: ModelImage): Row {
  return rowOf({ image, width: image.width, height: image.height }, {});
}

function firstByte(image: ModelImage): number {
  const bytes = fileOf(image) ?? new Uint8Array((image as Pixels).data);
  return bytes[0] ?? -1;
}

/** Lets every promise that can go on, go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
