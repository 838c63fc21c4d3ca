import { createHash, type Hash } from 'node:crypto';
import type { CacheFile } from './cache/model-cache.js';
import { beginHash, type ObjectDigest } from './sources/object-digest.js';
import type { Continuation, OpenedObject } from './sources/source.js';
import type { Resumption } from './transfer.js';

/** An attempt gets on when it brings a hundredth of the object: then at most a hundred are not counted. */
const LEAST_PROGRESS = 1 / 100;

/** One object on its way into a file, over as many attempts as that takes: what has arrived is kept, and hashed once. */
export class ObjectDownload implements Resumption {
  readonly #file: CacheFile;
  readonly #mayResume: boolean;
  #hash = createHash('sha256');
  /** What the source says of the object, hashed as it does where that is not SHA-256. */
  #said: { readonly digest: ObjectDigest; readonly hash: Hash | undefined } | undefined;
  #received = 0;
  #size: number | undefined;
  #version: string | undefined;
  #furthest = 0;
  #wasResumed = false;

  /** @param mayResume false: every attempt begins at 0 */
  constructor(file: CacheFile, mayResume: boolean) {
    this.#file = file;
    this.#mayResume = mayResume;
  }

  /** Whether what has arrived is of several attempts. */
  get wasResumed(): boolean {
    return this.#wasResumed;
  }

  get from(): Continuation | undefined {
    const [offset, version, size] = [this.#received, this.#version, this.#size];
    if (!this.#mayResume || offset === 0 || version === undefined) return undefined;
    // An attempt that failed although it had everything did not get what it was to get.
    return size === undefined || offset >= size ? undefined : { offset, version, size };
  }

  async begin({ offset = 0, size, version, digest }: OpenedObject): Promise<void> {
    this.#wasResumed = offset > 0;
    if (offset > 0) return;
    await this.#file.restart();
    this.#hash = createHash('sha256');
    const isGit = digest?.kind === 'git-blob' && size !== undefined;
    this.#said = digest && { digest, hash: isGit ? beginHash(digest.kind, size) : undefined };
    this.#received = 0;
    this.#size = size;
    this.#version = version;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#file.write(chunk);
    this.#hash.update(chunk);
    this.#said?.hash?.update(chunk);
    this.#received += chunk.byteLength;
  }

  /** Whether the attempt that just failed came far enough beyond all before it, in an object that can be gone on with. */
  hasProgressed(): boolean {
    const { from } = this;
    if (from === undefined || from.offset - this.#furthest < from.size * LEAST_PROGRESS) return false;
    this.#furthest = from.offset;
    return true;
  }

  /**
   * SHA-256 of all that has arrived, 64 hex digits, and whether the source said that it would be this; nothing can be
   * written after it.
   */
  finish(): { hex: string; isAsSaid: boolean } {
    const hex = this.#hash.digest('hex');
    if (this.#said === undefined) return { hex, isAsSaid: true };
    const { digest, hash } = this.#said;
    return { hex, isAsSaid: (hash?.digest('hex') ?? hex) === digest.hex };
  }
}
