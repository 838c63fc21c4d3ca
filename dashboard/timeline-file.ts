import { appendFile, readFile, rename, writeFile } from 'node:fs/promises';
import { messageOf } from '../service/errors.js';
import type { Entry } from './items.js';
import { MAX_OF_EACH, Timeline } from './timeline.js';

/** The file is cut to the newest entries when it has this many more. */
const MAX_APPENDED = 20 * MAX_OF_EACH;

/** The timeline on a disk: a line of JSON for each entry, oldest first. One process uses it at a time. */
export class TimelineFile {
  /** As the file had it at the start. */
  readonly entries: readonly Entry[];
  readonly #path: string;
  readonly #onFailure: (reason: string) => void;
  /** Newest entries of the file, and those that are on their way into it. */
  readonly #kept: Timeline;
  #waiting: Entry[] = [];
  #appended = 0;
  #written: Promise<void> = Promise.resolve();

  private constructor(path: string, entries: readonly Entry[], onFailure: (reason: string) => void) {
    this.#path = path;
    this.entries = entries;
    this.#kept = new Timeline(entries);
    this.#onFailure = onFailure;
  }

  /**
   * Throws a sentence where it cannot be read or written. Lines that are none, such as one that a crash has torn, are left out.
   * @param onFailure entries were not written, and why; they are lost to the file
   */
  static async open(path: string, onFailure: (reason: string) => void): Promise<TimelineFile> {
    const { entries } = new Timeline((await readIfThere(path)).split('\n').flatMap(parse));
    try {
      await replace(path, entries);
    } catch (error) {
      throw new Error(`TIMELINE_FILE cannot be written: ${messageOf(error)}`, { cause: error });
    }
    return new TimelineFile(path, entries, onFailure);
  }

  /** What is added within one turn of the disk is written together. */
  add(entry: Entry): void {
    this.#waiting.push(entry);
    if (this.#waiting.length === 1) this.#written = this.#written.then(() => this.#write());
  }

  /** Resolves when everything that was added has been written, or could not be. */
  async close(): Promise<void> {
    await this.#written;
  }

  async #write(): Promise<void> {
    const entries = this.#waiting;
    this.#waiting = [];
    for (const entry of entries) this.#kept.add(entry);
    this.#appended += entries.length;
    try {
      if (this.#appended < MAX_APPENDED) return await appendFile(this.#path, linesOf(entries));
      await replace(this.#path, this.#kept.entries);
      this.#appended = 0;
    } catch (error) {
      this.#onFailure(messageOf(error));
    }
  }
}

async function replace(path: string, entries: readonly Entry[]): Promise<void> {
  await writeFile(`${path}.new`, linesOf(entries), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

function linesOf(entries: readonly Entry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new Error(`TIMELINE_FILE cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

const FIELDS = ['at', 'about', 'kind', 'namespace', 'tone', 'text'] as const;

function parse(line: string): Entry[] {
  try {
    const entry = JSON.parse(line) as Entry;
    return FIELDS.every((field) => typeof entry[field] === 'string') ? [entry] : [];
  } catch {
    return [];
  }
}
