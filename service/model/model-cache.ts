import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, ServiceError } from '../errors.js';
import { sha256OfFiles } from './digest.js';
import type { Sink } from './transfer.js';

/** Far longer than a live download goes without writing: what has not been touched since is a crashed one's. */
const LEFTOVER_AGE_MS = 60 * 60 * 1000;

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'it is full; give it more room',
  EDQUOT: 'its quota is used up; give it more room',
  EROFS: 'it is read-only; mount a writable volume there',
  EACCES: 'it may not be written; check its owner and permissions',
  EPERM: 'it may not be written; check its owner and permissions',
  ENOTDIR: 'part of the path is a file, not a folder',
  EEXIST: 'part of the path is a file, not a folder',
};

function isErrno(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}

async function writeFully(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let offset = 0; offset < chunk.byteLength; ) {
    const { bytesWritten } = await handle.write(chunk, offset);
    offset += bytesWritten;
  }
}

/** Makes a rename survive a power cut, where the file system knows how to sync a folder. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync().catch(() => {});
  } finally {
    await handle.close();
  }
}

/** A file that is being written, invisible to others until it is committed. */
export interface IncomingFile {
  readonly write: Sink;
  /** Makes it durable and visible under its final path, at once and whole. Returns that path. */
  commit(path: string): Promise<void>;
  /** Drops it unless it was committed. */
  discard(): Promise<void>;
}

/**
 * Models by their digest, under `sha256-<hex>/`. Safe for several processes at once: each writes to a file of
 * its own and renames it, so that nobody ever sees half a model. Every method rejects with MODEL_UNAVAILABLE
 * when the folder cannot be used.
 */
export class ModelCache {
  readonly #directory: string;
  readonly #incoming: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#incoming = join(directory, '.incoming');
  }

  /** Where the model with this digest is, or will be. */
  modelPath(hex: string): string {
    return join(this.#directory, `sha256-${hex}`, 'model.onnx');
  }

  /** Where the files that go with one manifest of this model are, or will be. */
  companionDirectory(hex: string, manifestHex: string): string {
    return join(this.#directory, `sha256-${hex}`, `manifest-${manifestHex.slice(0, 16)}`);
  }

  /** Where the ONNX file is, or will be, and its external data, beside it, where it looks for that. */
  paths(hex: string, externalData: readonly string[]): string[] {
    const model = this.modelPath(hex);
    return [model, ...externalData.map((name) => join(dirname(model), name))];
  }

  /** absent, damaged (its bytes are no longer those of its name), or its size in bytes, with that of its external data. */
  async look(
    hex: string,
    externalData: readonly string[],
    signal: AbortSignal,
  ): Promise<number | 'absent' | 'damaged'> {
    const paths = this.paths(hex, externalData);
    try {
      const sizes = await Promise.all(paths.map(async (path) => (await stat(path)).size));
      const isWhole = (await sha256OfFiles(paths, signal)) === hex;
      return isWhole ? sizes.reduce((sum, size) => sum + size) : 'damaged';
    } catch (thrown) {
      signal.throwIfAborted();
      if (isErrno(thrown, 'ENOENT')) return 'absent';
      if (isErrno(thrown, 'EIO')) return 'damaged';
      throw this.#failure(thrown);
    }
  }

  async receive(): Promise<IncomingFile> {
    await this.#guard(() => mkdir(this.#incoming, { recursive: true }));
    const path = join(this.#incoming, `${process.pid}-${randomUUID()}`);
    const handle = await this.#guard(() => open(path, 'wx', 0o644));
    return this.#incomingFile(path, handle);
  }

  /** Keeps a small file; one that is there with these bytes is left alone, so that a read-only cache will do. */
  async keep(path: string, data: Uint8Array): Promise<void> {
    const present = await readFile(path).catch(() => undefined);
    if (present?.equals(data) === true) return;
    const file = await this.receive();
    try {
      await file.write(data);
      await file.commit(path);
    } finally {
      await file.discard();
    }
  }

  /** Removes what crashed downloads left behind. Never rejects: it is housekeeping. Returns how many. */
  async removeLeftovers(nowMs: number = Date.now()): Promise<number> {
    const names = await readdir(this.#incoming).catch(() => []);
    const removals = names.map(async (name) => {
      const path = join(this.#incoming, name);
      if (nowMs - (await stat(path)).mtimeMs > LEFTOVER_AGE_MS) await rm(path);
      else throw new Error('still young');
    });
    const results = await Promise.allSettled(removals);
    return results.filter(({ status }) => status === 'fulfilled').length;
  }

  #incomingFile(path: string, handle: FileHandle): IncomingFile {
    let isCommitted = false;
    return {
      write: (chunk) => this.#guard(() => writeFully(handle, chunk)),
      commit: (target) =>
        this.#guard(async () => {
          await handle.sync();
          await mkdir(dirname(target), { recursive: true });
          await rename(path, target);
          isCommitted = true;
          await syncDirectory(dirname(target));
        }),
      discard: async () => {
        await handle.close().catch(() => {});
        if (!isCommitted) await rm(path, { force: true }).catch(() => {});
      },
    };
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw this.#failure(thrown);
    }
  }

  #failure(thrown: unknown): ServiceError {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
    const reason = REASONS[code] ?? messageOf(thrown);
    return new ServiceError(
      'MODEL_UNAVAILABLE',
      `the model cache ${this.#directory} cannot be used: ${reason}`,
      {
        cause: thrown,
      },
    );
  }
}
