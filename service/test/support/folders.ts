import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Folders for tests that run at once, all in one that is removed after the last. */
export class Folders {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async create(): Promise<Folders> {
    return new Folders(await mkdtemp(join(tmpdir(), 'cv-tests-')));
  }

  /** An empty one. */
  next(): Promise<string> {
    return mkdtemp(join(this.#root, 'folder-'));
  }

  async remove(): Promise<void> {
    await rm(this.#root, { recursive: true, force: true });
  }
}
