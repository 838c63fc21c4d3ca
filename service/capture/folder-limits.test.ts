import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../test/support/models.js';
import { FolderLimits } from './folder-limits.js';
import { OneAtATime } from './one-at-a-time.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const DAY = 'digits/1.0.0/2026-11-22';
const STEMS = ['a', 'b'];

/** A disk on which something happens before one of its operations, and each that follows. */
class EventfulDisk extends OneAtATime {
  readonly #at: number;
  readonly #event: () => Promise<void>;
  operations = 0;

  constructor(at: number, event: () => Promise<void>) {
    super();
    this.#at = at;
    this.#event = event;
  }

  override run<Result>(work: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    return super.run(async () => {
      this.operations += 1;
      if (this.operations >= this.#at) await this.#event();
      return work();
    }, signal);
  }
}

async function fullFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, DAY), { recursive: true });
  for (const stem of STEMS)
    for (const ending of ['png', 'json', 'feedback.json'])
      await writeFile(join(folder, DAY, `${stem}.${ending}`), 'x');
  return folder;
}

/** Makes room for more than there ever is, so that all is removed. */
async function removeAll(folder: string, disk: OneAtATime): Promise<void> {
  const onFailure = (): void => undefined;
  const limits = new FolderLimits({ folder, maxBytes: 1, maxAgeDays: 30, disk, onFailure, now: () => NOW });
  await limits.makeRoom(1, new AbortController().signal).catch(() => undefined);
  limits.close();
}

async function filesOf(folder: string): Promise<string[]> {
  return readdir(join(folder, DAY)).catch(() => []);
}

function torn(files: readonly string[]): string[] {
  return STEMS.filter((stem) => files.includes(`${stem}.json`) && !files.includes(`${stem}.png`));
}

/** Removes all from a full folder, with an event from each of the operations on that it takes. */
async function atEachOperation(event: (folder: string) => Promise<void>, check: (folder: string) => unknown) {
  for (let at = 1; ; at += 1) {
    const folder = await fullFolder();
    const disk = new EventfulDisk(at, () => event(folder));
    await removeAll(folder, disk);
    await check(folder);
    if (disk.operations < at) return;
  }
}

describe('a record is not left without its image', () => {
  it('by a process that is killed while it makes room, wherever that happens', async () => {
    const killed = new Error('killed');
    const left = new Set<number>();
    await atEachOperation(
      () => Promise.reject(killed),
      async (folder) => {
        const files = await filesOf(folder);
        left.add(files.length);
        expect(torn(files)).toEqual([]);
        await removeAll(folder, new OneAtATime());
        expect(await filesOf(folder)).toEqual([]);
      },
    );
    expect(left.size).toBeGreaterThan(4);
  });

  it('where another process writes one at that moment, whatever moment it is', async () => {
    // As FolderStore does.
    const writeRecord = async (folder: string): Promise<void> => {
      const files = await filesOf(folder);
      for (const stem of STEMS.filter((each) => files.includes(`${each}.png`)))
        await writeFile(join(folder, DAY, `${stem}.json`), 'x');
    };
    await atEachOperation(writeRecord, async (folder) => expect(torn(await filesOf(folder))).toEqual([]));
  });
});
