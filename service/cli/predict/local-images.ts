import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, join, normalize, relative } from 'node:path';
import { messageOf, ServiceError } from '../../errors.js';
import { imageTooLarge } from '../../http/input/input-errors.js';
import type { ImageFormat } from '../../preprocess/image.js';
import { CannotGoOn, UsageError } from '../outcome.js';
import { type ImagePlace, inOrder, looksLikeImage } from './images.js';

/**
 * A file or a folder of this machine. Names are paths as they were typed, with what is below them. Links are followed;
 * a folder that is reached twice, by a link to one above it too, is looked at once.
 */
export function localImages(typed: string, formats: readonly ImageFormat[]): ImagePlace {
  const path = normalize(typed).replace(/(?<=.)\/$/, '');
  return {
    path,
    list: () => list(path, formats),
    relative: (name) => (name === path ? basename(path) : relative(path, name)),
    read,
    close: () => undefined,
  };
}

async function* list(path: string, formats: readonly ImageFormat[]): AsyncGenerator<string> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'ENOENT' ? 'there is no such file or folder' : error.message;
    throw new UsageError(`${JSON.stringify(path)}: ${why}`);
  });
  if (stats.isDirectory()) yield* walk(path, formats, new Set([identity(stats)]));
  else yield path;
}

async function* walk(
  folder: string,
  formats: readonly ImageFormat[],
  seen: Set<string>,
): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new CannotGoOn(`the folder ${JSON.stringify(folder)} cannot be read: ${messageOf(error)}`);
  });
  for (const entry of entries.sort((a, b) => inOrder(a.name, b.name))) {
    const path = join(folder, entry.name);
    const target = entry.isSymbolicLink() || entry.isDirectory() ? await statOf(path) : undefined;
    if (target?.isDirectory()) {
      if (isNew(target, seen)) yield* walk(path, formats, seen);
    } else if (looksLikeImage(entry.name, formats)) yield path;
  }
}

/** Undefined where a link leads nowhere: reading says so. */
async function statOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}

function identity({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

function isNew(folder: Stats, seen: Set<string>): boolean {
  const id = identity(folder);
  if (seen.has(id)) return false;
  seen.add(id);
  return true;
}

async function read(path: string, maxBytes: number): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    // Opens without following it into a wait: a named pipe would block for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return await readWhole(handle, maxBytes);
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    throw new ServiceError('IMAGE_MISSING', `The file cannot be read: ${messageOf(error)}`, { cause: error });
  } finally {
    await handle?.close();
  }
}

/** One byte more than is allowed is enough to know; a file may grow after it was measured. */
async function readWhole(handle: FileHandle, maxBytes: number): Promise<Uint8Array> {
  const stats = await handle.stat();
  if (!stats.isFile()) throw new ServiceError('IMAGE_MISSING', 'This is not a regular file.');
  if (stats.size > maxBytes) throw imageTooLarge(maxBytes, stats.size);
  const bytes = new Uint8Array(stats.size);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}
