import type { InputSpec, ModelImage } from '../preprocess/image.js';
import type { RowStatistics } from '../statistics/image-statistics.js';
import type { Answer, Parameters, WantedOutput } from '../tasks/task.js';
import type { TensorInfo } from '../tensor.js';

/** What an engine says of the model that it has loaded. */
export interface EngineInfo {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** The execution provider really in use. */
  readonly provider: string;
  /** Providers that were asked for first and could not be had, with the engine's reason. */
  readonly unavailable: readonly { readonly provider: string; readonly reason: string }[];
}

/** How rows become the input tensor, which outputs are wanted, and what they mean. */
export interface RunPlan {
  readonly inputName: string;
  readonly input: InputSpec;
  /** Of the input that says which pixels are of an image, where there is one: all are. Without a size it has the image's. */
  readonly mask: { readonly name: string; readonly width?: number; readonly height?: number } | undefined;
  /** Whether the input tensor has a batch dimension; where it has none, a run takes one row. */
  readonly hasBatch: boolean;
  /** Rows per run where the file fixes it (a smaller batch is padded), or undefined where it is dynamic. */
  readonly fixedBatch: number | undefined;
  readonly outputs: readonly WantedOutput[];
  /** Whether statistics of pixels and answers are taken. Default false. */
  readonly takesStatistics?: boolean;
  /** By name, with the spec that it made. */
  readonly task: { readonly name: string; readonly spec: unknown };
}

/** One image that the model is run on, and all that its answer depends on. */
export interface Row {
  readonly image: ModelImage;
  /** Size of the image as a person sees it, pixels: answers are in these. */
  readonly width: number;
  readonly height: number;
  /** What the request asks of the task. */
  readonly parameters: Parameters;
  /** What it holds while it waits. */
  readonly bytes: number;
  /** Whether the file, where the image is one, is to be handed back with its answer. Default: it is dropped. */
  readonly isKept?: boolean;
}

/** Why there is no answer for a row. */
export interface RowFailure {
  /** The engine's words, for the log. */
  readonly reason: string;
  /** A sentence that is safe to show to the caller, where there is one. */
  readonly detail: string | undefined;
}

/**
 * What became of one row of a batch: its answer, with the file where that is kept; why there is none for it alone; or the
 * file of an image that the engine could not decode, handed back for another decoder to judge.
 */
export type RowResult =
  | { readonly answer: Answer; readonly file?: Uint8Array; readonly statistics?: RowStatistics }
  | { readonly failure: RowFailure }
  | { readonly returned: Uint8Array };

/** Milliseconds of one row's own; the rest of a run is shared. */
export interface RowTimes {
  /** Decoding; 0 of what came as pixels. */
  readonly decodeMs: number;
  /** From outputs to the answer. */
  readonly interpretMs: number;
}

export interface RunResult {
  /** One for each row of the batch, in order; the times likewise. */
  readonly items: readonly RowResult[];
  readonly times: readonly RowTimes[];
  /** Time from pixels to tensor, milliseconds, for the whole batch. */
  readonly resampleMs: number;
  /** Time in the engine, milliseconds, for the whole batch. */
  readonly runMs: number;
}

/**
 * The seam behind which an inference engine lives. The caller pulls: it never has more than `slots` runs under way.
 * An engine isolates faults: a row that makes its batch fail gets a failure of its own, its neighbours their answers.
 */
export interface InferenceRunner {
  /** How many runs may be under way at once right now; falls while a lost worker is being replaced. */
  readonly slots: number;
  /** Called when `slots` has grown. */
  onSlotsGrown: (() => void) | undefined;
  /**
   * Runs one batch of at least one row. Pixels and files are given away.
   * Rejects with WORKER_LOST when the thread that ran it died.
   */
  run(batch: readonly Row[]): Promise<RunResult>;
  /** Finishes what is under way, then releases everything. Idempotent. */
  close(): Promise<void>;
  /** Drops what is under way, with WORKER_LOST, and releases everything now. Rejects where a run goes on. Idempotent. */
  destroy(): Promise<void>;
}
