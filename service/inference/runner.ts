import type { Pixels } from '../preprocess/image.js';

/** One model output for one image: the values after the batch dimension was taken off. */
export interface OutputTensor {
  readonly name: string;
  readonly data: Float32Array;
  /** Without the batch dimension. */
  readonly shape: readonly number[];
}

export interface RunResult {
  /** For each image of the batch, in order, the outputs that the task wants. */
  readonly outputs: readonly (readonly OutputTensor[])[];
  /** Time from pixels to tensor, milliseconds, for the batch. */
  readonly resampleMs: number;
  /** Time of the session's run, milliseconds, for the batch. */
  readonly runMs: number;
}

/**
 * The seam behind which an inference engine lives. The caller takes a slot's worth of work at a time:
 * it never has more than `slots` runs under way.
 */
export interface InferenceRunner {
  /** How many runs may be under way at once right now; falls while a lost worker is being replaced. */
  readonly slots: number;
  /** Called whenever a slot may have become free or `slots` has changed. */
  onSlotFree: (() => void) | undefined;
  /**
   * Runs one batch. The pixel buffers are transferred: the caller must not touch them again unless it kept a copy.
   * Rejects with INFERENCE_FAILED when the engine refuses the batch and WORKER_LOST when its thread died.
   */
  run(batch: readonly Pixels[]): Promise<RunResult>;
  /** Finishes what is under way, then releases everything. Idempotent. */
  close(): Promise<void>;
  /** Drops what is under way and releases everything now. Idempotent. */
  destroy(): Promise<void>;
}
