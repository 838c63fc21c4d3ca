import { access, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMissing } from './file-faults.js';
import { type FolderLimitOptions, FolderLimits, sizeOnDisk } from './folder-limits.js';
import { OneAtATime } from './one-at-a-time.js';
import { MAX_READ_BYTES, type Store, type StoredObject } from './store.js';

/** Images are nobody's business but the owner's and the group's. */
const FOLDER_MODE = 0o750;
const FILE_MODE = 0o640;

export type FolderStoreOptions = Omit<FolderLimitOptions, 'disk'>;

/** Files in a folder, which keeps to its age and its size by itself. */
export class FolderStore implements Store {
  readonly place: string;
  readonly lanes = 1;
  readonly #disk = new OneAtATime();
  readonly #limits: FolderLimits;

  constructor(options: FolderStoreOptions) {
    this.place = options.folder;
    this.#limits = new FolderLimits({ ...options, disk: this.#disk });
  }

  async write(objects: readonly StoredObject[], signal: AbortSignal): Promise<void> {
    const size = objects.reduce((sum, { bytes }) => sum + sizeOnDisk(bytes.length), 0);
    await this.#limits.makeRoom(size, signal);
    const files = objects.map((object) => ({ ...object, path: join(this.place, object.path) }));
    // As one piece of work: between an image and its record nothing is removed.
    await this.#disk.run(() => writeTogether(files), signal);
    this.#limits.added(size);
  }

  read(path: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#disk.run(() => readSmall(join(this.place, path)), signal);
  }

  close(): void {
    this.#limits.close();
  }
}

/** All of them or, as far as the disk lets it, none. */
async function writeTogether(files: readonly StoredObject[]): Promise<void> {
  const written: string[] = [];
  try {
    for (const file of files) {
      await writeWhole(file);
      written.unshift(file.path);
    }
    // Another process may have made room meanwhile.
    for (const path of written) await access(path);
  } catch (error) {
    for (const path of written) await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function writeWhole({ path, bytes }: StoredObject): Promise<void> {
  const part = `${path}.part`;
  try {
    await writePart(part, bytes);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function writePart(part: string, bytes: Uint8Array): Promise<void> {
  const write = (): Promise<void> => writeFile(part, bytes, { mode: FILE_MODE });
  await write().catch(async (error: unknown) => {
    if (!isMissing(error)) throw error;
    await mkdir(dirname(part), { recursive: true, mode: FOLDER_MODE });
    await write();
  });
}

async function readSmall(path: string): Promise<Uint8Array | undefined> {
  try {
    const { size } = await stat(path);
    return size > MAX_READ_BYTES ? undefined : await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
