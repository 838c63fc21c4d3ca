import { setMaxListeners } from 'node:events';

/** Something to be kept under a path of slashes and safe names. */
export interface StoredObject {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Media type. */
  readonly type: string;
}

/** Of one object that is read: records are some kilobytes. */
export const MAX_READ_BYTES = 1024 * 1024;

/** A place for files. Whatever it is asked ends, at the latest, when the signal aborts: with its reason. */
export interface Store {
  /** For the log. */
  readonly place: string;
  /** Writes that it takes at once. */
  readonly lanes: number;
  /**
   * In this order, one after the other: who finds the last finds all of them. What was there under a path is replaced; a
   * reader sees the whole of an object or nothing.
   */
  write(objects: readonly StoredObject[], signal: AbortSignal): Promise<void>;
  /** Undefined where there is none, or a larger one than MAX_READ_BYTES. */
  read(path: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Nothing more is asked. */
  close(): void;
}

/** Runs something with so much time, or less where one of the signals aborts before: that is passed on. */
export async function within<Result>(
  limitMs: number,
  outer: AbortSignal,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const stop = (): void => controller.abort(outer.reason);
  const timer = setTimeout(() => controller.abort(new StoreTimeout(limitMs)), limitMs);
  outer.addEventListener('abort', stop);
  if (outer.aborted) stop();
  try {
    return await run(controller.signal);
  } catch (error) {
    // The SDK throws an error of its own where it is aborted.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', stop);
  }
}

export class StoreTimeout extends Error {
  constructor(limitMs: number) {
    super(`it did not answer within ${limitMs} ms`);
  }
}
