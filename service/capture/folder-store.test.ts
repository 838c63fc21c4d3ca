import { execFileSync } from 'node:child_process';
import { access, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../test/support/models.js';
import { FolderStore, type FolderStoreOptions } from './folder-store.js';
import { MAX_READ_BYTES, within } from './store.js';

const KiB = 1024;
const patient = new AbortController().signal;
const NOW = Date.parse('2026-11-22T12:00:00Z');
const TODAY = 'digits/1.0.0/2026-11-22';

async function open(options: Partial<FolderStoreOptions> = {}) {
  const folder = options.folder ?? (await temporaryFolder());
  const failures: unknown[] = [];
  const store = new FolderStore({
    maxBytes: 1024 * KiB,
    maxAgeDays: 30,
    onFailure: (error) => failures.push(error),
    now: () => NOW,
    ...options,
    folder,
  });
  const put = (path: string, bytes = 1) =>
    store.write([{ path, bytes: new Uint8Array(bytes), type: 'image/png' }], patient);
  return { store, folder, failures, put };
}

async function prepare(folder: string, path: string, bytes = 1): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), new Uint8Array(bytes));
}

function captureOf(stem: string, bytes = 1) {
  return [
    { path: `${TODAY}/${stem}.png`, bytes: new Uint8Array(bytes), type: 'image/png' },
    { path: `${TODAY}/${stem}.json`, bytes: new Uint8Array(1), type: 'application/json' },
  ];
}

async function recordsWithoutImage(folder: string): Promise<string[]> {
  const files = await filesOf(folder);
  const records = files.filter((name) => /\d\/\w+\.json$/.test(name));
  return records.filter((name) => !files.includes(name.replace('.json', '.png')));
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1)).sort();
}

describe('a folder', () => {
  it('has what was written, whole, and gives it back', async () => {
    const { store, folder } = await open();
    const bytes = Buffer.from('{"why":"sampled"}');
    await store.write([{ path: `${TODAY}/a.json`, bytes, type: 'application/json' }], patient);
    expect(await filesOf(folder)).toEqual([`${TODAY}/a.json`]);
    expect(Buffer.from((await store.read(`${TODAY}/a.json`, patient)) ?? [])).toEqual(bytes);
    expect(await store.read(`${TODAY}/b.json`, patient)).toBeUndefined();
  });

  it('reads nothing that is too large for a record', async () => {
    const { store, put } = await open({ maxBytes: 8 * MAX_READ_BYTES });
    await put(`${TODAY}/a.json`, MAX_READ_BYTES + 1);
    expect(await store.read(`${TODAY}/a.json`, patient)).toBeUndefined();
  });

  it('is made where it is not there, and made again where somebody has removed it', async () => {
    const { folder, put } = await open({ folder: join(await temporaryFolder(), 'not', 'yet') });
    await put(`${TODAY}/a.png`);
    execFileSync('rm', ['-r', folder]);
    await put(`${TODAY}/b.png`);
    expect(await filesOf(folder)).toEqual([`${TODAY}/b.png`]);
  });

  it('on a full disk has nothing half-written', async () => {
    const { folder, put } = await open();
    await mkdir(join(folder, TODAY), { recursive: true });
    await symlink('/dev/full', join(folder, TODAY, 'a.png.part'));
    await expect(put(`${TODAY}/a.png`)).rejects.toMatchObject({ code: 'ENOSPC' });
    await put(`${TODAY}/a.png`);
    expect(await filesOf(folder)).toEqual([`${TODAY}/a.png`]);
  });

  it('has no image without its record where that cannot be written', async () => {
    const { store, folder } = await open();
    await mkdir(join(folder, TODAY), { recursive: true });
    await symlink('/dev/full', join(folder, TODAY, 'a.json.part'));
    await expect(store.write(captureOf('a'), patient)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await filesOf(folder)).toEqual([]);
  });

  it('on a full disk still has what was kept before', async () => {
    const { folder, put } = await open();
    await put(`${TODAY}/a.feedback.json`);
    await symlink('/dev/full', join(folder, TODAY, 'a.feedback.json.part'));
    await expect(put(`${TODAY}/a.feedback.json`)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await filesOf(folder)).toEqual([`${TODAY}/a.feedback.json`]);
  });

  it('that hangs lets whoever waits go in time', async () => {
    const { store, folder, put } = await open();
    await put(`${TODAY}/first.png`);
    execFileSync('mkfifo', [join(folder, TODAY, 'a.png.part')]);
    const write = (path: string) =>
      within(50, patient, (signal) =>
        store.write([{ path, bytes: new Uint8Array(1), type: 'image/png' }], signal),
      );
    await expect(write(`${TODAY}/a.png`)).rejects.toThrow('50 ms');
    await expect(write(`${TODAY}/b.png`)).rejects.toThrow('50 ms');
    // Somebody reads the pipe at last.
    await readFile(join(folder, TODAY, 'a.png.part'));
    await put(`${TODAY}/b.png`);
  });
});

describe('a folder keeps to its limits:', () => {
  it('what is too old goes, also of other models, when the service starts', async () => {
    const { folder, put } = await open({ folder: await withOldFiles(), maxAgeDays: 2 });
    await put(`${TODAY}/a.png`);
    expect(await filesOf(folder)).toEqual([
      'digits/0.9.0/2026-11-20/young.jpg',
      'digits/1.0.0/2026-11-22/a.png',
      'mine/notes.txt',
      'mine/old/2020-01-01/notes.txt',
    ]);
    await expect(access(join(folder, 'digits/0.9.0/2026-11-19'))).rejects.toThrow();
  });

  async function withOldFiles(): Promise<string> {
    const folder = await temporaryFolder();
    for (const name of ['old.jpg', 'old.json', 'old.feedback.json', 'lost.png.part'])
      await prepare(folder, `digits/0.9.0/2026-11-19/${name}`);
    await prepare(folder, 'digits/0.9.0/2026-11-20/young.jpg');
    await prepare(folder, 'mine/notes.txt');
    await prepare(folder, 'mine/old/2020-01-01/notes.txt');
    return folder;
  }

  it('the oldest day goes first where there is too much', async () => {
    const folder = await temporaryFolder();
    await prepare(folder, 'digits/1.0.0/2026-11-20/a.png', 40 * KiB);
    await prepare(folder, 'digits/1.0.0/2026-11-21/b.png', 40 * KiB);
    const { put } = await open({ folder, maxBytes: 100 * KiB });
    await put(`${TODAY}/c.png`, 40 * KiB);
    expect(await filesOf(folder)).toEqual(['digits/1.0.0/2026-11-21/b.png', `${TODAY}/c.png`]);
  });

  it('of one day images go together with their records, and small files count for what they take', async () => {
    const { folder, put } = await open({ maxBytes: 200 * KiB });
    const endings = ['png', 'json', 'feedback.json'];
    for (let index = 0; index < 16; index += 1)
      for (const ending of endings) await put(`${TODAY}/${index}.${ending}`);
    expect(await filesOf(folder)).toHaveLength(48);
    await put(`${TODAY}/last.png`, 12 * KiB);
    const files = await filesOf(folder);
    const left = new Set(files.map((name) => name.split('.')[2]?.slice('0/2026-11-22/'.length)));
    expect(files.length).toBeGreaterThan(30);
    expect(files.length).toBeLessThan(46);
    expect(files).toHaveLength((left.size - 1) * endings.length + 1);
  });

  it('an image that is being written is not taken from its record, however full it is', async () => {
    const { store, folder } = await open({ maxBytes: 40 * KiB });
    for (let index = 0; index < 50; index += 1) {
      await store.write(captureOf(`${index}`, 9 * KiB), patient);
      expect(await recordsWithoutImage(folder)).toEqual([]);
    }
  });

  it('a record is not written to an image that another process has removed', async () => {
    const { store, folder } = await open();
    await mkdir(join(folder, TODAY), { recursive: true });
    const pipe = join(folder, TODAY, 'a.json.part');
    execFileSync('mkfifo', [pipe]);
    const refused = expect(store.write(captureOf('a'), patient)).rejects.toMatchObject({ code: 'ENOENT' });
    await vi.waitFor(async () => expect(await filesOf(folder)).toContain(`${TODAY}/a.png`));
    await rm(join(folder, TODAY, 'a.png'));
    await readFile(pipe);
    await refused;
    expect(await filesOf(folder)).toEqual([]);
  });

  it('what is larger than all of it is refused', async () => {
    const { folder, put } = await open({ maxBytes: 10 * KiB });
    await expect(put(`${TODAY}/a.png`, 11 * KiB)).rejects.toThrow('10240 bytes');
    await put(`${TODAY}/b.png`, 5 * KiB);
    expect(await filesOf(folder)).toEqual([`${TODAY}/b.png`]);
  });

  it('links lead nowhere', async () => {
    const elsewhere = await temporaryFolder();
    await prepare(elsewhere, '2020-01-01/a.png');
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'digits'));
    await symlink(elsewhere, join(folder, 'digits/0.1.0'));
    const { put } = await open({ folder });
    await put(`${TODAY}/b.png`);
    expect(await filesOf(elsewhere)).toEqual(['2020-01-01/a.png']);
  });
});
