import { ServiceError } from '../../errors.js';
import type { InferenceRunner, ItemResult, RunResult } from '../../inference/runner.js';
import type { ModelImage, Pixels } from '../../preprocess/image.js';

interface PendingRun {
  readonly batch: readonly ModelImage[];
  readonly resolve: (result: RunResult) => void;
  readonly reject: (error: unknown) => void;
}

/** How long each JPEG takes to decode, it says. */
export const DECODE_MS = 5;

/** A runner whose runs end when the test says so. The one output of an image is its first byte. */
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

  run(batch: readonly ModelImage[]): Promise<RunResult> {
    this.batchSizes.push(batch.length);
    return new Promise((resolve, reject) => this.pending.push({ batch, resolve, reject }));
  }

  /** Ends the oldest run. */
  async finish(failures: Readonly<Record<number, string>> = {}): Promise<void> {
    const run = this.#next();
    const items = run.batch.map((image, index) => {
      const failure = failures[index];
      return failure === undefined ? { outputs: [firstByte(image)] } : { failure };
    });
    this.#resolve(run, items);
    await settle();
  }

  /** Ends the oldest run by handing back the files of its images. */
  async handBack(): Promise<void> {
    const run = this.#next();
    const items = run.batch.map((image) =>
      'jpeg' in image ? { returned: image.jpeg } : { failure: 'no file' },
    );
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

  #resolve(run: PendingRun, items: readonly ItemResult[]): void {
    const decodeMs = run.batch.map((image) => ('jpeg' in image ? DECODE_MS : 0));
    run.resolve({ items, decodeMs, resampleMs: 1, runMs: 1 });
  }

  #next(): PendingRun {
    const run = this.pending.shift();
    if (run === undefined) throw new Error('nothing is being run');
    return run;
  }
}

/** An image of one pixel, told apart by its first byte. */
export function onePixel(value: number): Pixels {
  return { data: new Uint8Array([value, 0, 0]).buffer, width: 1, height: 1 };
}

function firstByte(image: ModelImage) {
  const bytes = 'jpeg' in image ? image.jpeg : new Uint8Array(image.data);
  return { name: 'out', data: new Float32Array([bytes[0] ?? -1]), shape: [1] };
}

/** Lets every promise that can go on, go on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
