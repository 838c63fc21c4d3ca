import type { Readable } from 'node:stream';

export interface OpenedObject {
  readonly stream: Readable;
  /** Bytes, where the source says so. */
  readonly size: number | undefined;
}

/** A place that holds a model: a folder or a single file, on disk or far away. */
export interface ModelSource {
  /** For logs and messages; never carries credentials. */
  readonly description: string;
  /** Name of the object the URI points at (`model.onnx`, `model.json`), or undefined when it names a folder or prefix. */
  readonly entry: string | undefined;
  /**
   * Opens one object beside the entry, by its name relative to it.
   * Throws MODEL_NOT_FOUND when it does not exist, MODEL_UNAVAILABLE when it cannot be reached or read.
   */
  open(name: string, signal: AbortSignal): Promise<OpenedObject>;
  close(): void;
}
