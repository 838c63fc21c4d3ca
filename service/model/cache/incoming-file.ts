import { randomUUID } from 'node:crypto';
import {
  chmod,
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  rmdir,
  unlink,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isErrno } from './private-folder.js';
import { isForeign, isWritableByOthers, type User } from './trust.js';

/** How often what is in the way is removed before the failure is handed on: others may repair the same at once. */
const REPAIRS = 3;

/** Makes a rename survive a power cut, where the file system knows how to sync a folder. */
async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync().catch(() => {});
  } finally {
    await handle.close();
  }
}

/** Removes a folder that is where a file should be; a file that another process has put there meanwhile stays. */
async function clearFolder(path: string): Promise<void> {
  const names = await readdir(path).catch(() => []);
  for (const name of names) await rm(join(path, name), { recursive: true, force: true }).catch(() => {});
  await rmdir(path).catch(() => {});
}

/** Puts what is not a folder of ours, where one should be, out of the way. Others may do the same: what fails shows later. */
async function makeWayForFolder(path: string, user: User): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return;
  // Not `rm`: by now it may be the folder of another process.
  if (!stats.isDirectory()) await unlink(path).catch(() => {});
  // It may hold what this user cannot remove.
  else if (isForeign(stats, user)) await rename(path, `${path}.refused-${randomUUID()}`).catch(() => {});
}

/** Makes a folder in one that others cannot change, or makes the one that is there such that they cannot change it. */
async function ensureFolder(path: string, user: User): Promise<void> {
  await makeWayForFolder(path, user);
  await mkdir(path, { mode: 0o755 }).catch((thrown: unknown) => {
    if (!isErrno(thrown, 'EEXIST')) throw thrown;
  });
  const stats = await lstat(path);
  if (isWritableByOthers(stats, user)) await chmod(path, 0o755);
}

async function moveInto(from: string, target: string): Promise<void> {
  for (let repairs = 0; ; repairs += 1) {
    try {
      return await rename(from, target);
    } catch (thrown) {
      if (!isErrno(thrown, 'EISDIR', 'ENOTEMPTY', 'EEXIST') || repairs === REPAIRS) throw thrown;
      await clearFolder(target);
    }
  }
}

/** A file that is being written, invisible to others until it is committed. */
export class IncomingFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #user: User;
  #position = 0;
  #isCommitted = false;

  private constructor(path: string, handle: FileHandle, user: User) {
    this.#path = path;
    this.#handle = handle;
    this.#user = user;
  }

  /** @param folder of the files that are being written, in one that others cannot change */
  static async create(folder: string, user: User): Promise<IncomingFile> {
    await ensureFolder(folder, user);
    const path = join(folder, `${process.pid}-${randomUUID()}`);
    return new IncomingFile(path, await open(path, 'wx', 0o644), user);
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.byteLength; ) {
      const { bytesWritten } = await this.#handle.write(
        chunk,
        offset,
        chunk.byteLength - offset,
        this.#position,
      );
      offset += bytesWritten;
      this.#position += bytesWritten;
    }
  }

  /** Forgets what was written. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#position = 0;
  }

  /**
   * Makes it durable and visible under its final path, at once and whole, in place of whatever is there.
   * @param name relative to the folder, which others cannot change
   */
  async commit(folder: string, name: string): Promise<void> {
    await this.#handle.sync();
    const parents: string[] = [];
    for (let parent = dirname(name); parent !== '.'; parent = dirname(parent)) parents.unshift(parent);
    for (const parent of parents) await ensureFolder(join(folder, parent), this.#user);
    const target = join(folder, name);
    await moveInto(this.#path, target);
    this.#isCommitted = true;
    await syncDirectory(dirname(target));
  }

  /** Drops it unless it was committed. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {});
    if (!this.#isCommitted) await rm(this.#path, { force: true }).catch(() => {});
  }
}
