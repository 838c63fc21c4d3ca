import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/models.js';
import { folderOf, ModelCache } from './model-cache.js';

const HOUR_MS = 60 * 60_000;
const patient = new AbortController().signal;
const sha256 = (data: string): string => createHash('sha256').update(data).digest('hex');
const digestOf = (name: string): string => `sha256:${sha256(name.padEnd(100))}`;

let directory: string;
let cache: ModelCache;

beforeEach(async () => {
  directory = await temporaryFolder();
  cache = await ModelCache.open(directory);
});

/** A model of 100 bytes, last used so many hours ago. */
async function put(name: string, hoursAgo = 0): Promise<string> {
  const file = await cache.receive();
  await file.write(Buffer.from(name.padEnd(100)));
  await cache.commit(digestOf(name), [file], []);
  await file.discard();
  await age(name, hoursAgo);
  return digestOf(name);
}

async function age(name: string, hours: number): Promise<void> {
  const then = new Date(Date.now() - hours * HOUR_MS);
  await utimes(join(directory, folderOf(digestOf(name))), then, then);
}

const look = (name: string) => cache.look(digestOf(name), 'model.onnx', [], patient);

async function left(names: readonly string[]): Promise<string[]> {
  const there = await readdir(directory);
  return names.filter((name) => there.includes(folderOf(digestOf(name))));
}

const ALL = ['old', 'older', 'oldest', 'used'];

async function fill(): Promise<void> {
  await put('old', 1);
  await put('oldest', 3);
  await put('older', 2);
  await put('used');
}

describe('a cache over its limit', () => {
  it('loses the models that were longest not used, and no more than it must', async () => {
    await fill();
    const { removed, bytes } = await cache.evict(250);
    expect(await left(ALL)).toEqual(['old', 'used']);
    expect(bytes).toBe(200);
    expect(removed).toEqual([
      { digest: digestOf('oldest'), bytes: 100, usedMs: expect.any(Number) },
      { digest: digestOf('older'), bytes: 100, usedMs: expect.any(Number) },
    ]);
    expect((await readdir(directory)).filter((name) => name.startsWith('.evicted'))).toEqual([]);
  });

  it('stays over it where all that is left is in use', async () => {
    await fill();
    expect(await cache.evict(0)).toMatchObject({ bytes: 100 });
    expect(await left(ALL)).toEqual(['used']);
  });

  it('loses nothing within it', async () => {
    await fill();
    expect(await cache.evict(400)).toEqual({ removed: [], bytes: 400 });
  });

  it('counts a model as used when it is looked for, and when it comes', async () => {
    await fill();
    await look('oldest');
    await put('old', 1);
    await age('used', 5);
    await cache.evict(0);
    expect(await left(ALL)).toEqual(['oldest']);
  });

  it('keeps what this process has in use, however long ago that was looked for', async () => {
    const path = join(directory, folderOf(await put('used')), 'model.onnx');
    cache.keepInUse(path);
    await cache.evict(0);
    expect(await left(['used'])).toEqual(['used']);
  });

  it('counts what is on its way and what was kept, and removes none of it', async () => {
    await put('old', 1);
    const file = await cache.receive();
    await file.write(Buffer.alloc(50));
    await cache.keep('.sources', 'x.json', Buffer.alloc(7));
    expect(await cache.evict(0)).toMatchObject({ bytes: 57 });
    expect(await readdir(join(directory, '.incoming'))).toHaveLength(1);
    await cache.commit(digestOf('other'), [file], []);
    await file.discard();
    expect(await left(['other'])).toEqual(['other']);
  });

  it('counts all files of a model', async () => {
    await put('old', 1);
    await cache.keep(folderOf(digestOf('old')), 'manifest-1/golden/1.png', Buffer.alloc(23));
    await age('old', 1);
    expect((await cache.evict(0)).removed).toMatchObject([{ bytes: 123 }]);
  });

  it('never touches what is not a model of its own', async () => {
    const long = new Date(0);
    const elsewhere = join(await temporaryFolder(), 'sha256-elsewhere');
    await mkdir(elsewhere);
    await writeFile(join(elsewhere, 'model.onnx'), 'x');
    const names = ['sha256-short', 'thesis', `sha256-${'0'.repeat(64)}.bak`, `SHA256-${'0'.repeat(64)}`];
    for (const name of names) await mkdir(join(directory, name));
    await writeFile(join(directory, `sha256-${'1'.repeat(64)}`), 'a file');
    await symlink(elsewhere, join(directory, `sha256-${'2'.repeat(64)}`));
    for (const name of await readdir(directory)) await utimes(join(directory, name), long, long);
    const before = await readdir(directory);
    expect(await cache.evict(0)).toEqual({ removed: [], bytes: 0 });
    expect(await readdir(directory)).toEqual(before);
    expect((await stat(join(elsewhere, 'model.onnx'))).size).toBe(1);
  });
});

describe('an eviction that ended in the middle', () => {
  it('leaves nothing that is taken for a model, and the next process removes it', async () => {
    await put('old', 1);
    const half = join(directory, '.evicted-1');
    await mkdir(half);
    await writeFile(join(half, 'model.onnx'), 'old'.padEnd(50));
    await mkdir(join(directory, folderOf(digestOf('half'))));
    expect(await look('half')).toBe('absent');
    expect(await cache.removeLeftovers()).toBe(1);
    expect(await readdir(directory)).not.toContain('.evicted-1');
  });
});

describe('several processes with one cache', () => {
  /** Brings models of its own in turn, evicting after each, and looks whether the last one is whole. */
  async function churn(name: string): Promise<unknown> {
    const script = `
      import { createHash } from 'node:crypto';
      import { ModelCache } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../../dist/service/model/cache/model-cache.js')).href)};
      const cache = await ModelCache.open(${JSON.stringify(directory)});
      const said = [];
      for (let round = 0; round < 20; round += 1) {
        const data = Buffer.alloc(100_000, ${JSON.stringify(name)} + (round % 5));
        const digest = 'sha256:' + createHash('sha256').update(data).digest('hex');
        const file = await cache.receive();
        await file.write(data);
        const path = await cache.commit(digest, [file], []);
        await file.discard();
        cache.keepInUse(path);
        await cache.evict(0);
        const found = await cache.look(digest, 'model.onnx', [], new AbortController().signal);
        said.push(typeof found === 'object' ? found.bytes : found);
      }
      console.log(JSON.stringify(said));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    await once(child, 'close');
    return JSON.parse(Buffer.concat(output).toString());
  }

  it('keep what each of them uses, while all of them evict', async () => {
    await fill();
    const whole = Array.from({ length: 20 }, () => 100_000);
    expect(await Promise.all(['a', 'b'].map(churn))).toEqual([whole, whole]);
    expect(await left(ALL)).toEqual(['used']);
  });

  it('find a model whole or not at all while it is removed', async () => {
    const found = new Set<unknown>();
    for (let round = 0; round < 20; round += 1) {
      await put('used');
      // An hour from now nothing counts as in use.
      const removal = cache.evict(0, Date.now() + HOUR_MS);
      const looks = await Promise.all(Array.from({ length: 4 }, () => look('used')));
      for (const look of looks) found.add(typeof look === 'object' ? look.bytes : look);
      await removal;
      expect(await look('used')).toBe('absent');
    }
    expect([...found].filter((each) => each !== 100 && each !== 'absent')).toEqual([]);
  });

  it('evict the same models at once without a fault', async () => {
    await fill();
    const caches = await Promise.all(Array.from({ length: 8 }, () => ModelCache.open(directory)));
    const evictions = await Promise.all(caches.map((each) => each.evict(0)));
    expect(evictions.flatMap(({ removed }) => removed)).toHaveLength(3);
    expect(await left(ALL)).toEqual(['used']);
  });
});

describe('small files that are kept', () => {
  it('are replaced and found, and only the latest remain', async () => {
    for (const name of ['a', 'b', 'c']) {
      await cache.keep('.sources', name, Buffer.from('first'));
      await utimes(join(directory, '.sources', name), new Date(0), new Date(0));
    }
    await cache.keep('.sources', 'a', Buffer.from('first'));
    await cache.keep('.sources', 'b', Buffer.from('second'));
    await cache.keepOnly('.sources', 2);
    expect(await readdir(join(directory, '.sources'))).toEqual(['a', 'b']);
    expect(await cache.kept('.sources', 'b')).toEqual({
      data: Buffer.from('second'),
      keptMs: expect.any(Number),
    });
    expect((await cache.kept('.sources', 'a'))?.keptMs).toBeGreaterThan(0);
    expect(await cache.kept('.sources', 'c')).toBeUndefined();
  });
});
