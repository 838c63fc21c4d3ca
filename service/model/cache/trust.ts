import { createHash } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The user that this process is; undefined where files have no such owners (Windows). */
export type User = number | undefined;

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;
const ROOT = 0;
const READ_BYTES = 1024 * 1024;

export function isForeign({ uid }: Stats, user: User): boolean {
  return user !== undefined && uid !== user && uid !== ROOT;
}

export function isWritableByOthers({ mode }: Stats, user: User): boolean {
  return user !== undefined && (mode & WRITABLE_BY_OTHERS) !== 0;
}

/** Whether someone other than this user and root could change this file, or what is in this folder. */
export function isOpenToOthers(stats: Stats, user: User): boolean {
  return isForeign(stats, user) || isWritableByOthers(stats, user);
}

/**
 * Whether this path will name the same folder for as long as this user and root leave it alone: others can rename
 * what lies in a folder that they may write, unless it is sticky.
 * @param path absolute, without symbolic links
 */
export async function isLastingPath(path: string, user: User): Promise<boolean> {
  for (let child = path; dirname(child) !== child; child = dirname(child)) {
    const stats = await lstat(dirname(child));
    if (isForeign(stats, user)) return false;
    if (isWritableByOthers(stats, user) && (stats.mode & STICKY) === 0) return false;
  }
  return true;
}

/** What is there is not a file that nobody else can have put there or changed. */
export class UntrustedFile extends Error {}

/**
 * Opens a file below a folder that others cannot change, for reading. Neither follows symbolic links nor waits for
 * a FIFO. Rejects with UntrustedFile, or the system's error.
 * @param name relative to the folder
 */
export async function openTrusted(folder: string, name: string, user: User): Promise<FileHandle> {
  for (let parent = dirname(name); parent !== '.'; parent = dirname(parent)) {
    const stats = await lstat(join(folder, parent));
    if (!stats.isDirectory() || isOpenToOthers(stats, user)) throw new UntrustedFile(parent);
  }
  const handle = await open(
    join(folder, name),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  const stats = await handle.stat();
  if (stats.isFile() && !isOpenToOthers(stats, user)) return handle;
  await handle.close();
  throw new UntrustedFile(name);
}

/** Reads a file as a stream, for it may be larger than the memory. */
export async function hashTrusted(
  folder: string,
  name: string,
  user: User,
  signal: AbortSignal,
): Promise<{ bytes: number; hex: string }> {
  const handle = await openTrusted(folder, name, user);
  const hash = createHash('sha256');
  let bytes = 0;
  const stream = handle.createReadStream({ signal, highWaterMark: READ_BYTES });
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    hash.update(chunk);
    bytes += chunk.byteLength;
  }
  return { bytes, hex: hash.digest('hex') };
}
