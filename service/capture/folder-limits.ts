import type { Dirent } from 'node:fs';
import { lstat, opendir, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { IMAGE_FORMATS } from '../preprocess/image.js';
import { unlessAborted } from '../unless-aborted.js';
import { isForbidden, isMissing } from './file-faults.js';
import { dayOf, endingOf } from './names.js';
import type { OneAtATime } from './one-at-a-time.js';

/** What a small file takes. */
const BLOCK_BYTES = 4096;
/** Where it is full, so much more is removed at once. */
const HEADROOM = 0.1;
/** Others may write there too, and days end. */
const SWEEP_INTERVAL_MS = 3_600_000;
const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d\d-\d\d$/;
const RECORD = 'json';
const ENDINGS = [RECORD, 'feedback.json', 'part', ...IMAGE_FORMATS.map(endingOf)];
/** No record is left without its image: it goes first, and last where another process has written it meanwhile. */
const REMOVED = [...ENDINGS, RECORD];
/** Whatever belongs to an image has its stem. */
const FILE = new RegExp(`^(.+?)\\.(?:${ENDINGS.join('|')})$`);

export interface FolderLimitOptions {
  readonly folder: string;
  /** What its files may take on the disk. */
  readonly maxBytes: number;
  /** Whole days, UTC, beside today. */
  readonly maxAgeDays: number;
  readonly disk: OneAtATime;
  /** Told why the folder could not be looked through. */
  readonly onFailure: (error: unknown) => void;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

interface Day {
  readonly path: string;
  readonly day: string;
  bytes: number;
}

/** What a file takes. */
export function sizeOnDisk(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Removes what is too old, and the oldest where there is too much. Touches nothing that is not named as captures are. */
export class FolderLimits {
  readonly #options: FolderLimitOptions;
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #sweeping: Promise<void> | undefined;
  /** As far as is known; undefined before it was looked at. */
  #bytes: number | undefined;

  constructor(options: FolderLimitOptions) {
    this.#options = options;
    const sweep = (): void =>
      void this.#sweep(0).catch((error: unknown) => {
        if (!this.#end.signal.aborted) options.onFailure(error);
      });
    this.#timer = setInterval(sweep, SWEEP_INTERVAL_MS).unref();
    sweep();
  }

  /** Rejects where there is none, however much is removed, and with the signal's reason once that aborts. */
  async makeRoom(bytes: number, signal: AbortSignal): Promise<void> {
    // One that was under way already did not know of these bytes.
    for (let sweeps = 0; sweeps < 2 && !this.#fits(bytes); sweeps += 1) {
      await unlessAborted(this.#sweep(bytes), signal);
    }
    if (!this.#fits(bytes)) throw new Error(`the folder may have ${this.#options.maxBytes} bytes`);
  }

  added(bytes: number): void {
    if (this.#bytes !== undefined) this.#bytes += bytes;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#end.abort(new Error('closed'));
  }

  #fits(bytes: number): boolean {
    return this.#bytes !== undefined && this.#bytes + bytes <= this.#options.maxBytes;
  }

  /** One at a time; whoever comes meanwhile waits for that. */
  #sweep(needed: number): Promise<void> {
    this.#sweeping ??= this.#sweepNow(needed).finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async #sweepNow(needed: number): Promise<void> {
    const { maxBytes, maxAgeDays, now = Date.now } = this.#options;
    const oldest = dayOf(now() - maxAgeDays * DAY_MS);
    const days = (await this.#days()).toSorted((one, other) => one.day.localeCompare(other.day));
    let total = 0;
    for (const each of days) {
      if (each.day < oldest) await this.#empty(each, Number.POSITIVE_INFINITY);
      else each.bytes = await this.#measure(each);
      total += each.bytes;
    }
    const surplus = total + needed - maxBytes;
    let tooMuch = surplus > 0 ? surplus + maxBytes * HEADROOM : 0;
    for (const each of days) {
      if (tooMuch <= 0) break;
      const removed = await this.#empty(each, tooMuch);
      tooMuch -= removed;
      total -= removed;
    }
    this.#bytes = total;
  }

  /** `<model>/<version>/<day>`. */
  async #days(): Promise<Day[]> {
    const days: Day[] = [];
    const { folder } = this.#options;
    for await (const model of this.#foldersIn(folder)) {
      for await (const version of this.#foldersIn(model)) {
        for await (const path of this.#foldersIn(version)) {
          if (DAY.test(basename(path))) days.push({ path, day: basename(path), bytes: 0 });
        }
      }
    }
    return days;
  }

  async *#foldersIn(folder: string): AsyncGenerator<string> {
    for await (const entry of this.#entriesOf(folder)) {
      if (entry.isDirectory()) yield join(folder, entry.name);
    }
  }

  async #measure({ path }: Day): Promise<number> {
    let bytes = 0;
    for await (const { name } of this.#entriesOf(path)) {
      if (FILE.test(name)) bytes += await this.#sizeOf(join(path, name));
    }
    return bytes;
  }

  /** Removes images with all that belongs to them, until so much is gone. @returns how much is */
  async #empty({ path }: Day, wanted: number): Promise<number> {
    let removed = 0;
    for await (const { name } of this.#entriesOf(path)) {
      if (removed >= wanted) break;
      const stem = FILE.exec(name)?.[1];
      if (stem === undefined) continue;
      for (const ending of REMOVED) removed += await this.#remove(join(path, `${stem}.${ending}`));
    }
    // Not where something is left.
    await this.#do(() => rmdir(path)).catch(() => undefined);
    return removed;
  }

  async #remove(file: string): Promise<number> {
    const bytes = await this.#sizeOf(file);
    if (bytes > 0) await this.#do(() => rm(file, { force: true }));
    return bytes;
  }

  async #sizeOf(file: string): Promise<number> {
    const stats = await this.#do(() => lstat(file)).catch(() => undefined);
    return stats?.isFile() === true ? Math.max(BLOCK_BYTES, sizeOnDisk(stats.size)) : 0;
  }

  /** In no order, in little memory. */
  async *#entriesOf(folder: string): AsyncGenerator<Dirent> {
    const directory = await this.#do(() => opendir(folder)).catch((error: unknown) => {
      // Such as lost+found of a volume.
      if (isMissing(error) || isForbidden(error)) return undefined;
      throw error;
    });
    if (directory === undefined) return;
    try {
      for (;;) {
        const entry = await this.#do(() => directory.read());
        if (entry === null) return;
        yield entry;
      }
    } finally {
      directory.close().catch(() => undefined);
    }
  }

  #do<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#options.disk.run(work, this.#end.signal);
  }
}
