import type { Readable } from 'node:stream';
import type { ObjectDigest } from './object-digest.js';
import { SourceFailure } from './source-failure.js';

export interface OpenedObject {
  readonly stream: Readable;
  /** Bytes of the whole object, where the source says so. */
  readonly size: number | undefined;
  /** Where in the object the stream begins: 0, or the offset that was asked for. Left out: 0. */
  readonly offset?: number;
  /** Tells these bytes from any others under the same name. Undefined where the source cannot go on in mid-object. */
  readonly version?: string | undefined;
  /** Of the whole object, where the source says it: whoever reads it holds it to that. */
  readonly digest?: ObjectDigest | undefined;
}

/** Where a transfer that broke goes on, as long as the object is still the one that it was. */
export interface Continuation {
  /** Bytes that have arrived; more than 0, less than `size`. */
  readonly offset: number;
  readonly version: string;
  /** Bytes of the whole object. */
  readonly size: number;
}

/** A place that holds a model: a folder or a single file, on disk or far away. */
export interface ModelSource {
  /** For logs and messages; never carries credentials, queries or fragments. */
  readonly description: string;
  /** Tells it from any other source in the world, its server included; without user and password. May not be shown. */
  readonly identity: string;
  /** Whether it can never say anything else than it once said. */
  readonly isImmutable?: boolean;
  /** Name of the object the URI points at (`model.onnx`, `model.json`), or undefined when it names a folder or prefix. */
  readonly entry: string | undefined;
  /** Absolute path of the folder when it is on this machine: its files are used where they are. */
  readonly localDirectory: string | undefined;
  /** Where an object is, for logs and messages; as free of secrets as the description. */
  locate(name: string): string;
  /**
   * Opens one object beside the entry, by its name relative to it, `../` for what is above; tries once. Given a continuation it begins there
   * if it can, and at 0 where the object has changed or the source cannot.
   * Rejects with a SourceFailure: missing, denied, transient (worth another attempt) or permanent.
   */
  open(name: string, signal: AbortSignal, from?: Continuation): Promise<OpenedObject>;
  /**
   * Bytes and SHA-256 (64 hex digits) of an object, without its bytes being sent; undefined where the source does not
   * know them. Left out: it never does. Rejects as `open` does.
   */
  vouchFor?(name: string, signal: AbortSignal): Promise<{ bytes: number; hex: string } | undefined>;
  close(): void;
}

/**
 * The entry that a key or path ends with: files are told from folders by their extension, since neither
 * S3 nor HTTP says which of the two a name is.
 */
export function entryOf(lastSegment: string): string | undefined {
  return /\.(onnx|json)$/i.test(lastSegment) ? lastSegment : undefined;
}

/**
 * The path of an object in a place where paths are no more than names.
 * @param folder empty, or ends with a slash
 * @param name relative to that
 */
export function pathIn(folder: string, name: string): string {
  if (!name.startsWith('../')) return folder + name;
  if (folder === '')
    throw new SourceFailure('missing', `there is nothing above ${name.replace(/^(\.\.\/)*/, '')}`);
  return pathIn(folder.replace(/[^/]*\/$/, ''), name.slice('../'.length));
}
