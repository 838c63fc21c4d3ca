import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ServiceError } from '../../errors.js';
import { isForeign, isLastingPath, isOpenToOthers, isWritableByOthers, type User } from './trust.js';

/** What an unknown owner or mode is answered with, everywhere. */
const ADVICE = 'set MODEL_CACHE_DIR to a folder of your own that nobody else may write (mode 0700)';
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

export interface CacheFolder {
  readonly path: string;
  /** False: others may put things there, this user may not; what it holds is judged entry by entry. */
  readonly isPrivate: boolean;
}

/** Open for as long as the process lives, by device and inode: their paths in /proc name them, whoever moves them. */
const anchors = new Map<string, FileHandle>();

export function isErrno(thrown: unknown, ...codes: string[]): boolean {
  return thrown instanceof Error && 'code' in thrown && codes.includes(String(thrown.code));
}

function refused(directory: string, what: string): ServiceError {
  return new ServiceError('MODEL_UNAVAILABLE', `the model cache ${directory} is refused: ${what}; ${ADVICE}`);
}

async function ensure(directory: string): Promise<void> {
  const isThere = await stat(directory).then(
    () => true,
    () => false,
  );
  if (!isThere) await mkdir(directory, { recursive: true, mode: 0o700 });
}

/**
 * A path for an open folder that leads to it whatever is renamed above it: its own where only this user and root could
 * do that, else one that goes through the open file, for this process and its children.
 */
async function lastingPath(handle: FileHandle, path: string, user: User): Promise<string> {
  if (await isLastingPath(path, user)) {
    await handle.close();
    return path;
  }
  const { dev, ino } = await handle.stat();
  const known = anchors.get(`${dev}:${ino}`);
  if (known !== undefined) await handle.close();
  const { fd } = known ?? handle;
  anchors.set(`${dev}:${ino}`, known ?? handle);
  const anchor = `/proc/${process.pid}/fd/${fd}`;
  const reached = await stat(anchor).catch(() => undefined);
  if (reached?.dev === dev && reached.ino === ino) return anchor;
  throw refused(path, 'others may rename it, and there is no /proc here to hold on to it');
}

async function openFolder(path: string): Promise<FileHandle> {
  try {
    return await open(path, FOLDER);
  } catch (thrown) {
    if (isErrno(thrown, 'ELOOP', 'ENOTDIR')) throw refused(path, 'it is a symbolic link or no folder');
    throw thrown;
  }
}

/** The folder of this user's own in one that others may write too. */
async function ownFolderIn(shared: string, user: User): Promise<CacheFolder> {
  const path = join(shared, `cv-inference-${user}`);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (thrown) {
    if (isErrno(thrown, 'EROFS', 'EACCES', 'EPERM')) return { path: shared, isPrivate: false };
    if (!isErrno(thrown, 'EEXIST')) throw thrown;
  }
  const handle = await openFolder(path);
  const stats = await handle.stat();
  if (stats.uid !== user) {
    await handle.close();
    throw refused(path, `it belongs to user ${stats.uid}; remove it, or`);
  }
  // Kubernetes widens what lies in a volume of a pod with fsGroup. Files that others could write are not used.
  if (isWritableByOthers(stats, user)) await handle.chmod(0o700);
  return { path: await lastingPath(handle, path, user), isPrivate: true };
}

/**
 * Makes a folder for the cache and holds that nobody but this user and root can change what is in it: a folder that
 * others may write, such as a volume of a pod, gets one of this user's own inside.
 * Rejects with MODEL_UNAVAILABLE where it belongs to someone else, or with the system's error.
 */
export async function openCacheFolder(directory: string, user: User): Promise<CacheFolder> {
  await ensure(directory);
  if (user === undefined) return { path: directory, isPrivate: true };
  const link = await lstat(directory);
  if (link.isSymbolicLink() && isForeign(link, user)) {
    throw refused(directory, `it is a symbolic link of user ${link.uid}'s`);
  }
  const path = await realpath(directory);
  const handle = await openFolder(path);
  const stats = await handle.stat();
  if (!isOpenToOthers(stats, user)) return { path: await lastingPath(handle, path, user), isPrivate: true };
  await handle.close();
  if (isForeign(stats, user))
    throw refused(directory, `it belongs to user ${stats.uid}, who could change it`);
  return ownFolderIn(path, user);
}

/**
 * A path that leads to a folder of the cache and cannot be made to lead elsewhere, or undefined where that folder is
 * not there or others could have written to it.
 */
export async function entryIn(cache: CacheFolder, name: string, user: User): Promise<string | undefined> {
  const path = join(cache.path, name);
  const handle = await open(path, FOLDER).catch(() => undefined);
  if (handle === undefined) return undefined;
  const isTrusted = !isOpenToOthers(await handle.stat(), user);
  if (isTrusted && !cache.isPrivate) return lastingPath(handle, path, user);
  await handle.close();
  return isTrusted ? path : undefined;
}
