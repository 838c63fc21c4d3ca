import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf } from '../digest.js';
import { cacheFailure } from './cache-failure.js';
import { keepInUse, stampUse } from './entry-use.js';
import { type Eviction, evict, removeHalfEvicted } from './eviction.js';
import { IncomingFile } from './incoming-file.js';
import { type CacheFolder, entryIn, isErrno, openCacheFolder } from './private-folder.js';
import { hashTrusted, openTrusted, UntrustedFile, type User } from './trust.js';

/** Far longer than a live download goes without writing: what has not been touched since is a crashed one's. */
const LEFTOVER_AGE_MS = 24 * 60 * 60 * 1000;
const INCOMING = '.incoming';
const MODEL_NAME = 'model.onnx';

/** Where what sources last said is kept, each in a file. */
export const SOURCES = '.sources';

/** What stands where a file should be: a link, a folder, a device, something that cannot be read. */
const DAMAGES = ['EIO', 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENXIO', 'EACCES', 'EPERM'];

/** A model that was found whole. */
export interface CachedModel {
  /** Of the ONNX file. */
  readonly path: string;
  readonly bytes: number;
}

/** A small file that was kept. */
export interface KeptFile {
  readonly data: Buffer;
  /** When it was last kept, with these bytes: milliseconds since 1970. */
  readonly keptMs: number;
}

/** A file on its way into the cache; what the disk says against it comes as MODEL_UNAVAILABLE. */
export type CacheFile = Pick<IncomingFile, 'write' | 'restart' | 'commit' | 'discard'>;

/**
 * Models by their digest, under `sha256-<hex>/`, in a folder that only this user and root can change: what was found
 * right stays right. Safe for several processes at once: each writes to a file of its own and renames it, so that
 * nobody ever sees half a model. Every method rejects with MODEL_UNAVAILABLE when the folder cannot be used.
 */
export class ModelCache {
  readonly #directory: string;
  readonly #folder: CacheFolder;
  readonly #user: User;

  private constructor(directory: string, folder: CacheFolder, user: User) {
    this.#directory = directory;
    this.#folder = folder;
    this.#user = user;
  }

  static async open(directory: string, user: User = process.getuid?.()): Promise<ModelCache> {
    try {
      return new ModelCache(directory, await openCacheFolder(directory, user), user);
    } catch (thrown) {
      throw cacheFailure(directory, thrown);
    }
  }

  /**
   * absent, damaged (its bytes are not those of its digest, or others can have changed them), or where it is.
   * @param modelName of the ONNX file where it came from, which the digest knows; here it has a name of its own
   */
  async look(
    digest: string,
    modelName: string,
    externalData: readonly string[],
    signal: AbortSignal,
  ): Promise<CachedModel | 'absent' | 'damaged'> {
    try {
      const folder = await entryIn(this.#folder, folderOf(digest), this.#user);
      // Before and after, so that nobody removes it meanwhile; or it is found out.
      if (folder === undefined || !(await stampUse(folder))) return 'absent';
      const hashed = (name: string) => hashTrusted(folder, name, this.#user, signal);
      const model = { name: modelName, ...(await hashed(MODEL_NAME)) };
      const others = [];
      for (const name of externalData) others.push({ name, ...(await hashed(name)) });
      if (digestOf(model, others) !== digest) return 'damaged';
      const bytes = others.reduce((sum, other) => sum + other.bytes, model.bytes);
      return (await stampUse(folder)) ? { path: join(folder, MODEL_NAME), bytes } : 'absent';
    } catch (thrown) {
      signal.throwIfAborted();
      if (isErrno(thrown, 'ENOENT')) return 'absent';
      if (thrown instanceof UntrustedFile || isErrno(thrown, ...DAMAGES)) return 'damaged';
      throw cacheFailure(this.#directory, thrown);
    }
  }

  async receive(): Promise<CacheFile> {
    const guard = <T>(work: () => Promise<T>) => this.#guard(work);
    const file = await guard(() => IncomingFile.create(join(this.#folder.path, INCOMING), this.#user));
    return {
      write: (chunk) => guard(() => file.write(chunk)),
      restart: () => guard(() => file.restart()),
      commit: (folder, name) => guard(() => file.commit(folder, name)),
      discard: () => file.discard(),
    };
  }

  /** Puts the files of a model in place, the ONNX file first among them. Returns the path of that. */
  async commit(
    digest: string,
    files: readonly CacheFile[],
    externalData: readonly string[],
  ): Promise<string> {
    const folder = join(this.#folder.path, folderOf(digest));
    const names = [MODEL_NAME, ...externalData].map((name) => join(folderOf(digest), name));
    // One that is repaired may not have been used for long.
    await stampUse(folder);
    // The ONNX file last: where it is, all that it needs is.
    for (const [index, file] of [...files.entries()].reverse()) {
      await file.commit(this.#folder.path, names[index] ?? '');
      await stampUse(folder);
    }
    return join(this.#folder.path, names[0] ?? '');
  }

  /** Has other processes know that this one uses a model, for as long as it lives. @param modelPath of its ONNX file */
  keepInUse(modelPath: string): void {
    keepInUse(dirname(modelPath));
  }

  /**
   * Keeps a small file; one that is there with these bytes is left alone, so that a read-only cache will do.
   * @param folder of the cache
   * @param name relative to that
   */
  async keep(folder: string, name: string, data: Uint8Array): Promise<void> {
    if ((await this.kept(folder, name))?.data.equals(data) === true) {
      const now = new Date();
      await utimes(join(this.#folder.path, folder, name), now, now).catch(() => {});
      return;
    }
    const file = await this.receive();
    try {
      await file.write(data);
      await file.commit(this.#folder.path, join(folder, name));
    } finally {
      await file.discard();
    }
  }

  /** A small file that was kept; undefined where it is not there, or where others can have changed it. */
  async kept(folder: string, name: string): Promise<KeptFile | undefined> {
    try {
      const path = await entryIn(this.#folder, folder, this.#user);
      if (path === undefined) return undefined;
      const handle = await openTrusted(path, name, this.#user);
      try {
        return { data: await handle.readFile(), keptMs: (await handle.stat()).mtimeMs };
      } finally {
        await handle.close();
      }
    } catch {
      return undefined;
    }
  }

  /** Removes the small files of a folder that were kept longest ago, but for so many. Never rejects. */
  async keepOnly(folder: string, count: number): Promise<void> {
    const path = join(this.#folder.path, folder);
    const names = await readdir(path).catch(() => []);
    const files = await Promise.all(
      names.map(async (name) => {
        const stats = await stat(join(path, name)).catch(() => undefined);
        return { name, keptMs: stats?.mtimeMs ?? 0 };
      }),
    );
    const oldest = files.sort((one, other) => other.keptMs - one.keptMs).slice(count);
    for (const { name } of oldest) await rm(join(path, name), { force: true }).catch(() => {});
  }

  /** Brings the cache within its limit, as far as models are not in use. */
  async evict(maxBytes: number, nowMs: number = Date.now()): Promise<Eviction> {
    return this.#guard(() => evict(this.#folder.path, maxBytes, [INCOMING, SOURCES], nowMs));
  }

  /** Removes what crashed downloads left behind. Never rejects: it is housekeeping. Returns how many. */
  async removeLeftovers(nowMs: number = Date.now()): Promise<number> {
    const incoming = join(this.#folder.path, INCOMING);
    const names = await readdir(incoming).catch(() => []);
    const removals = names.map(async (name) => {
      const path = join(incoming, name);
      if (nowMs - (await stat(path)).mtimeMs > LEFTOVER_AGE_MS) await rm(path);
      else throw new Error('still young');
    });
    const results = await Promise.allSettled(removals);
    const files = results.filter(({ status }) => status === 'fulfilled').length;
    return files + (await removeHalfEvicted(this.#folder.path));
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw cacheFailure(this.#directory, thrown);
    }
  }
}

/** The folder of the cache that a model is in. */
export function folderOf(digest: string): string {
  return digest.replace(':', '-');
}
