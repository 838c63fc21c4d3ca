import { constants, type Stats } from 'node:fs';
import { open as openFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, ServiceError } from '../../errors.js';
import type { ModelSource, OpenedObject } from './source.js';
import { SourceFailure } from './source-failure.js';

/** Per read: large enough that hashing, not the number of calls, is what takes the time. */
const READ_BYTES = 1024 * 1024;

/** Accepts a path (relative ones start at the working directory) or a `file:` URI. */
function pathOf(uri: string): string {
  if (!/^file:/i.test(uri)) return resolve(uri);
  try {
    return fileURLToPath(uri);
  } catch (cause) {
    throw new ServiceError('CONFIG_INVALID', `${uri} is not a file URI: write file:///absolute/path`, {
      cause,
    });
  }
}

function fileFailure(thrown: unknown, path: string): SourceFailure {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new SourceFailure('missing', `there is no ${path}`, { cause: thrown });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const user = process.getuid?.() ?? 'this user';
    return new SourceFailure('permanent', `${path} may not be read by user ${user}; change its permissions`, {
      cause: thrown,
    });
  }
  return new SourceFailure('permanent', `${path} cannot be read: ${messageOf(thrown)}`, { cause: thrown });
}

async function statOf(path: string): Promise<Stats> {
  try {
    return await stat(path);
  } catch (thrown) {
    throw fileFailure(thrown, path);
  }
}

/** Opens without following it into a wait: a FIFO or a device would block for ever. */
async function openRegularFile(path: string): Promise<OpenedObject> {
  try {
    const handle = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await handle.stat();
    if (stats.isFile())
      return { stream: handle.createReadStream({ highWaterMark: READ_BYTES }), size: stats.size };
    await handle.close();
  } catch (thrown) {
    throw fileFailure(thrown, path);
  }
  throw new SourceFailure('permanent', `${path} is not a regular file`);
}

/** A model on this machine. Throws MODEL_NOT_FOUND when the path does not exist. */
export async function createFileSource(uri: string): Promise<ModelSource> {
  const path = pathOf(uri);
  const isDirectory = (await statOf(path)).isDirectory();
  const directory = isDirectory ? path : dirname(path);
  return {
    description: path,
    identity: path,
    entry: isDirectory ? undefined : basename(path),
    localDirectory: directory,
    locate: (name) => join(directory, name),
    open: (name) => openRegularFile(join(directory, name)),
    close: () => {},
  };
}
