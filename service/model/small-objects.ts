import { posix } from 'node:path';
import { folderOf, type ModelCache } from './cache/model-cache.js';
import { type KeptObject, keptBytes, type SourceCopy } from './cache/source-copies.js';
import { sha256Of } from './digest.js';
import { exists, type Fetch, readWhole } from './fetch-context.js';
import { isAbsence, SourceFailure } from './sources/source-failure.js';

/** Everything that is read of a source beside the weights, whatever it is called. */
export interface SmallObjects {
  /** Rejects with a SourceFailure, missing or denied where it is not there for us. */
  read(name: string, maxBytes: number): Promise<Buffer>;
  exists(name: string): Promise<boolean>;
  /** As read, for what is put into the cache by whoever reads it. @param path below the folder of the model there */
  readKept(name: string, maxBytes: number, path: string): Promise<Buffer>;
}

/** What the source says now, each thing once; remembers it, so that a copy can be kept once a model has come of it. */
export class LiveObjects implements SmallObjects {
  readonly #fetch: Fetch;
  readonly #bytes = new Map<string, Buffer>();
  readonly #others = new Map<string, KeptObject>();

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  async read(name: string, maxBytes: number): Promise<Buffer> {
    const known = this.#bytes.get(name);
    if (known !== undefined) return known;
    try {
      const data = await readWhole(this.#fetch, name, maxBytes);
      this.#bytes.set(name, data);
      return data;
    } catch (thrown) {
      if (isAbsence(thrown)) this.#others.set(name, { state: 'absent' });
      throw thrown;
    }
  }

  async exists(name: string): Promise<boolean> {
    const isThere = await exists(this.#fetch, name);
    this.#others.set(name, { state: isThere ? 'present' : 'absent' });
    return isThere;
  }

  async readKept(name: string, maxBytes: number, path: string): Promise<Buffer> {
    const data = await readWhole(this.#fetch, name, maxBytes);
    this.#others.set(name, { state: 'kept', path, sha256: sha256Of(data) });
    return data;
  }

  /** Puts what was read beside the model that came of it. Returns where everything is. */
  async keepIn(cache: ModelCache, digest: string): Promise<ReadonlyMap<string, KeptObject>> {
    const objects = new Map(this.#others);
    for (const [name, data] of this.#bytes) {
      const sha256 = sha256Of(data);
      const path = posix.join('objects', sha256);
      await cache.keep(folderOf(digest), path, data);
      objects.set(name, { state: 'kept', path, sha256 });
    }
    return objects;
  }
}

/** A copy does not say what was asked of it, or the cache has lost it. */
export class UnusableCopy extends Error {}

/** What the source said when it was last reached. Rejects with UnusableCopy where that is not known. */
export class CopiedObjects implements SmallObjects {
  readonly #cache: ModelCache;
  readonly #copy: SourceCopy;

  constructor(cache: ModelCache, copy: SourceCopy) {
    this.#cache = cache;
    this.#copy = copy;
  }

  async read(name: string): Promise<Buffer> {
    const object = this.#find(name);
    if (object.state === 'absent') throw new SourceFailure('missing', `${name} was not there`);
    const data =
      object.state === 'kept' ? await keptBytes(this.#cache, this.#copy.digest, object) : undefined;
    if (data !== undefined) return data;
    throw new UnusableCopy(`the cache has not got ${name}, or others may have changed it`);
  }

  async exists(name: string): Promise<boolean> {
    return this.#find(name).state !== 'absent';
  }

  readKept(name: string): Promise<Buffer> {
    return this.read(name);
  }

  #find(name: string): KeptObject {
    const object = this.#copy.objects.get(name);
    if (object === undefined) throw new UnusableCopy(`${name} was not asked for when the copy was made`);
    return object;
  }
}
