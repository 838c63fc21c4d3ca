import type { InputSpec, ModelImage } from '../preprocess/image.js';

/** A tensor as the model file declares it. Dynamic dimensions are -1. */
export interface TensorInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
}

/** What an engine says of the model that it has loaded. */
export interface EngineInfo {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** The execution provider really in use. */
  readonly provider: string;
  /** Providers that were asked for first and could not be had, with the engine's reason. */
  readonly unavailable: readonly { readonly provider: string; readonly reason: string }[];
}

/** How a batch of images becomes the input tensor, and which outputs are wanted. */
export interface TensorPlan {
  readonly inputName: string;
  readonly input: InputSpec;
  /** Images per run where the file fixes it (a smaller batch is padded), or undefined where it is dynamic. */
  readonly fixedBatch: number | undefined;
  readonly outputNames: readonly string[];
}

/** One model output for one image: the values after the batch dimension was taken off. */
export interface OutputTensor {
  readonly name: string;
  readonly data: Float32Array;
  /** Without the batch dimension. */
  readonly shape: readonly number[];
}

/**
 * What became of one image of a batch: its outputs, the engine's reason for refusing it alone, or the file of an image
 * that the engine could not decode, handed back for another decoder to judge.
 */
export type ItemResult =
  | { readonly outputs: readonly OutputTensor[] }
  | { readonly failure: string }
  | { readonly returned: Uint8Array };

export interface RunResult {
  /** One for each image of the batch, in order. */
  readonly items: readonly ItemResult[];
  /** Time that each image took to decode, milliseconds; 0 of those that came as pixels. */
  readonly decodeMs: readonly number[];
  /** Time from pixels to tensor, milliseconds, for the whole batch. */
  readonly resampleMs: number;
  /** Time in the engine, milliseconds, for the whole batch. */
  readonly runMs: number;
}

/**
 * The seam behind which an inference engine lives. The caller pulls: it never has more than `slots` runs under way.
 * An engine isolates faults: an image that makes its batch fail gets a failure of its own, its neighbours their outputs.
 */
export interface InferenceRunner {
  /** How many runs may be under way at once right now; falls while a lost worker is being replaced. */
  readonly slots: number;
  /** Called when `slots` has grown. */
  onSlotsGrown: (() => void) | undefined;
  /**
   * Runs one batch of at least one image. Pixels and files are given away.
   * Rejects with WORKER_LOST when the thread that ran it died.
   */
  run(batch: readonly ModelImage[]): Promise<RunResult>;
  /** Finishes what is under way, then releases everything. Idempotent. */
  close(): Promise<void>;
  /** Drops what is under way, with WORKER_LOST, and releases everything now. Rejects where a run goes on. Idempotent. */
  destroy(): Promise<void>;
}
