import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, ServiceError } from '../../errors.js';
import { digestOf } from '../digest.js';
import { IncomingFile } from './incoming-file.js';
import { type CacheFolder, entryIn, isErrno, openCacheFolder } from './private-folder.js';
import { hashTrusted, openTrusted, UntrustedFile, type User } from './trust.js';

/** Far longer than a live download goes without writing: what has not been touched since is a crashed one's. */
const LEFTOVER_AGE_MS = 60 * 60 * 1000;
const INCOMING = '.incoming';
const MODEL_NAME = 'model.onnx';

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'it is full; give it more room',
  EDQUOT: 'its quota is used up; give it more room',
  EROFS: 'it is read-only; mount a writable volume there',
  EACCES: 'it may not be written; check its owner and permissions',
  EPERM: 'it may not be written; check its owner and permissions',
  ENOTDIR: 'part of the path is a file, not a folder',
  EEXIST: 'part of the path is a file, not a folder',
};

/** What stands where a file should be: a link, a folder, a device, something that cannot be read. */
const DAMAGES = ['EIO', 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENXIO', 'EACCES', 'EPERM'];

function failure(directory: string, thrown: unknown): ServiceError {
  if (thrown instanceof ServiceError) return thrown;
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  const reason = REASONS[code] ?? messageOf(thrown);
  return new ServiceError('MODEL_UNAVAILABLE', `the model cache ${directory} cannot be used: ${reason}`, {
    cause: thrown,
  });
}

/** A model that was found whole. */
export interface CachedModel {
  /** Of the ONNX file. */
  readonly path: string;
  readonly bytes: number;
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
      throw failure(directory, thrown);
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
      const folder = await entryIn(this.#folder, folderName(digest), this.#user);
      if (folder === undefined) return 'absent';
      const hashed = (name: string) => hashTrusted(folder, name, this.#user, signal);
      const model = { name: modelName, ...(await hashed(MODEL_NAME)) };
      const others = [];
      for (const name of externalData) others.push({ name, ...(await hashed(name)) });
      if (digestOf(model, others) !== digest) return 'damaged';
      const bytes = others.reduce((sum, other) => sum + other.bytes, model.bytes);
      return { path: join(folder, MODEL_NAME), bytes };
    } catch (thrown) {
      signal.throwIfAborted();
      if (isErrno(thrown, 'ENOENT')) return 'absent';
      if (thrown instanceof UntrustedFile || isErrno(thrown, ...DAMAGES)) return 'damaged';
      throw failure(this.#directory, thrown);
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
    const names = [MODEL_NAME, ...externalData].map((name) => join(folderName(digest), name));
    // The ONNX file last: where it is, all that it needs is.
    for (const [index, file] of [...files.entries()].reverse()) {
      await file.commit(this.#folder.path, names[index] ?? '');
    }
    return join(this.#folder.path, names[0] ?? '');
  }

  /**
   * Keeps a small file; one that is there with these bytes is left alone, so that a read-only cache will do.
   * @param modelPath of the model that it goes with
   * @param name relative to the folder of that
   */
  async keep(modelPath: string, name: string, data: Uint8Array): Promise<void> {
    const folder = dirname(modelPath);
    if ((await this.#read(folder, name))?.equals(data) === true) return;
    const file = await this.receive();
    try {
      await file.write(data);
      await file.commit(folder, name);
    } finally {
      await file.discard();
    }
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
    return results.filter(({ status }) => status === 'fulfilled').length;
  }

  async #read(folder: string, name: string): Promise<Buffer | undefined> {
    const handle = await openTrusted(folder, name, this.#user).catch(() => undefined);
    if (handle === undefined) return undefined;
    try {
      return await handle.readFile();
    } catch {
      return undefined;
    } finally {
      await handle.close();
    }
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw failure(this.#directory, thrown);
    }
  }
}

function folderName(digest: string): string {
  return digest.replace(':', '-');
}
