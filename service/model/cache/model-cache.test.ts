import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFile,
  chmod,
  copyFile,
  cp,
  lchown,
  lstat,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/models.js';
import { digestOf } from '../digest.js';
import { ModelCache } from './model-cache.js';

const MODEL = Buffer.from('the bytes of a model');
const WEIGHTS = Buffer.from('the weights');
const EXTERNAL = ['more/weights.bin'];
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hashed = (name: string, data: Uint8Array) => ({ name, bytes: data.byteLength, hex: sha256(data) });
const DIGEST = digestOf(hashed('net.onnx', MODEL), [hashed('more/weights.bin', WEIGHTS)]);
const ENTRY = DIGEST.replace(':', '-');
const patient = new AbortController().signal;
const SELF = process.getuid?.() ?? 0;
const STRANGER = 65_534;

/** Who the cache is opened as, so that what this process makes is a stranger's: only root can give files away. */
async function giveToStranger(path: string): Promise<number> {
  if (SELF !== 0) return STRANGER;
  await lchown(path, STRANGER, STRANGER);
  return SELF;
}

async function fill(cache: ModelCache): Promise<string> {
  const files = [];
  for (const data of [MODEL, WEIGHTS]) {
    const file = await cache.receive();
    await file.write(data);
    files.push(file);
  }
  const path = await cache.commit(DIGEST, files, EXTERNAL);
  for (const file of files) await file.discard();
  return path;
}

/** Runs the built cache in a process of another user; copies, of node too, since that may not read where they lie. */
async function asStranger(script: string): Promise<unknown> {
  const folder = await temporaryFolder();
  await chmod(folder, 0o755);
  const built = join(import.meta.dirname, '../../../dist/service');
  for (const part of ['model', 'errors.js'])
    await cp(join(built, part), join(folder, part), { recursive: true });
  const prelude = `
    import { chmod } from 'node:fs/promises';
    import { ModelCache } from './model/cache/model-cache.js';
    const digest = 'sha256:${sha256(Buffer.from('other'))}';
    const look = (cache) => cache.look(digest, 'model.onnx', [], new AbortController().signal);
    const fill = async (cache) => {
      const file = await cache.receive();
      await file.write(Buffer.from('other'));
      const path = await cache.commit(digest, [file], []);
      await file.discard();
      return path;
    };`;
  await writeFile(join(folder, 'run.mjs'), prelude + script);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  const node = join(folder, 'node');
  await copyFile(process.execPath, node);
  const said = execFileSync(node, ['run.mjs'], { cwd: folder, uid: STRANGER, gid: STRANGER });
  return JSON.parse(said.toString());
}

const look = (cache: ModelCache) => cache.look(DIGEST, 'net.onnx', EXTERNAL, patient);
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

let directory: string;

beforeEach(async () => {
  directory = join(await temporaryFolder(), 'cache');
});

async function filled(): Promise<{ cache: ModelCache; path: string; folder: string }> {
  const cache = await ModelCache.open(directory);
  const path = await fill(cache);
  return { cache, path, folder: join(directory, ENTRY) };
}

describe('the folder of the cache', () => {
  it('is made for this user alone', async () => {
    const { cache, path } = await filled();
    expect(await modeOf(directory)).toBe(0o700);
    expect(await realpath(path)).toBe(join(directory, ENTRY, 'model.onnx'));
    expect(await look(cache)).toEqual({ path, bytes: MODEL.byteLength + WEIGHTS.byteLength });
    for (const entry of await readdir(directory, { recursive: true })) {
      expect((await modeOf(join(directory, entry))) & 0o022).toBe(0);
    }
  });

  it.each([0o777, 0o1777, 0o2775, 0o770])(
    'is one of this user’s own where others may write (mode %o)',
    async (mode) => {
      await mkdir(directory);
      await chmod(directory, mode);
      const cache = await ModelCache.open(directory);
      const path = await fill(cache);
      expect(await readdir(directory)).toEqual([`cv-inference-${SELF}`]);
      expect(await modeOf(join(directory, `cv-inference-${SELF}`))).toBe(0o700);
      expect(await readFile(path)).toEqual(MODEL);
      expect(await look(await ModelCache.open(directory))).toMatchObject({ path });
    },
  );

  it('is refused with MODEL_UNAVAILABLE where it belongs to someone else', async () => {
    await mkdir(directory);
    const user = await giveToStranger(directory);
    await expect(ModelCache.open(directory, user)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringContaining('MODEL_CACHE_DIR'),
    });
  });

  it('is refused where it is a link of someone else’s, even to a folder of one’s own', async () => {
    await mkdir(join(directory, '../own'), { mode: 0o700 });
    await symlink('own', directory);
    const user = await giveToStranger(directory);
    await expect(ModelCache.open(directory, user)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  });

  it('may be a link of one’s own', async () => {
    await mkdir(join(directory, '../own'), { mode: 0o700 });
    await symlink('own', directory);
    expect(await look((await filled()).cache)).toMatchObject({ bytes: 31 });
  });

  it.each<[string, (own: string) => Promise<unknown>]>([
    ['a link to another', (own) => symlink('/tmp', own)],
    ['a file', (own) => writeFile(own, '')],
    ['a folder of someone else’s', (own) => mkdir(own)],
  ])('is refused where what should be one’s own in a shared one is %s', async (what, prepare) => {
    await mkdir(directory);
    await chmod(directory, 0o777);
    const user = SELF === 0 ? SELF : STRANGER;
    const own = join(directory, `cv-inference-${user}`);
    await prepare(own);
    if (what.startsWith('a folder')) await giveToStranger(own);
    await expect(ModelCache.open(directory, user)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  });

  it('stays the one that was opened, whatever is put in its place', async () => {
    await mkdir(directory);
    await chmod(directory, 0o777);
    const cache = await ModelCache.open(directory);
    const path = await fill(cache);
    const own = join(directory, `cv-inference-${SELF}`);
    await rename(own, join(directory, 'aside'));
    await mkdir(join(own, ENTRY), { recursive: true });
    await writeFile(join(own, ENTRY, 'model.onnx'), 'a model of theirs');
    expect(await readFile(path)).toEqual(MODEL);
    expect(execFileSync('cat', [path])).toEqual(MODEL);
    expect(await look(cache)).toMatchObject({ path });
  });

  it('makes room for itself again after something widened it, and trusts nothing that others could write', async () => {
    await mkdir(directory);
    await chmod(directory, 0o777);
    await fill(await ModelCache.open(directory));
    const own = join(directory, `cv-inference-${SELF}`);
    for (const name of ['', ENTRY, join(ENTRY, 'model.onnx')]) await chmod(join(own, name), 0o2770);
    const cache = await ModelCache.open(directory);
    expect(await modeOf(own)).toBe(0o700);
    expect(typeof (await look(cache))).toBe('string');
    await fill(cache);
    expect(await look(cache)).toMatchObject({ bytes: 31 });
  });

  it('is one for each user of one folder, who repairs what it cannot read', async (context) => {
    if (SELF !== 0) context.skip('only root can act as two users');
    await mkdir(directory);
    await chmod(directory, 0o777);
    await chmod(join(directory, '..'), 0o755);
    const path = await fill(await ModelCache.open(directory));
    const theirs = await asStranger(`
      const cache = await ModelCache.open(${JSON.stringify(directory)});
      const said = [await look(cache)];
      const path = await fill(cache);
      said.push(await look(cache));
      await chmod(path, 0);
      said.push(await look(cache));
      await fill(cache);
      console.log(JSON.stringify([...said, await look(cache)]));`);
    const whole = { bytes: 5, path: expect.any(String) };
    expect(theirs).toEqual(['absent', whole, 'damaged', whole]);
    expect(await readFile(path)).toEqual(MODEL);
  });
});

describe('a cache that may not be written', () => {
  it('does for another user where root has filled it', async (context) => {
    if (SELF !== 0) context.skip('only root can act as two users');
    await mkdir(directory, { mode: 0o755 });
    await chmod(join(directory, '..'), 0o755);
    const cache = await ModelCache.open(directory);
    const file = await cache.receive();
    await file.write(Buffer.from('other'));
    await cache.commit(`sha256:${sha256(Buffer.from('other'))}`, [file], []);
    await file.discard();
    const theirs = await asStranger(`
      const cache = await ModelCache.open(${JSON.stringify(directory)});
      const written = await fill(cache).catch(({ code }) => code);
      console.log(JSON.stringify([await look(cache), written]));`);
    expect(theirs).toEqual([{ path: expect.any(String), bytes: 5 }, 'MODEL_UNAVAILABLE']);
  });

  it.for(['0777', '1777'])('does where others may write it elsewhere (mode %s)', async (mode, context) => {
    await mkdir(directory, { mode: 0o755 });
    const mount = (options: string) =>
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory], { stdio: 'ignore' });
    try {
      mount('size=1m,mode=0755');
    } catch {
      context.skip('a small tmpfs cannot be mounted here');
    }
    try {
      await fill(await ModelCache.open(directory));
      await chmod(directory, Number.parseInt(mode, 8));
      execFileSync('mount', ['-o', 'remount,ro', directory]);
      const found = await look(await ModelCache.open(directory));
      expect(found).toMatchObject({ bytes: 31 });
      expect(await readFile((found as { path: string }).path)).toEqual(MODEL);
    } finally {
      execFileSync('umount', ['-l', directory]);
    }
  });
});

describe('a cached model', () => {
  it.each<[string, (path: string) => Promise<unknown>]>([
    ['a folder', async (path) => mkdir(join(path, 'deep/er'), { recursive: true })],
    ['a link to nowhere', (path) => symlink('nowhere', path)],
    [
      'a link to the right bytes',
      async (path) => {
        await writeFile(`${path}.aside`, path.endsWith('model.onnx') ? MODEL : WEIGHTS);
        await symlink(`${path}.aside`, path);
      },
    ],
    ['a FIFO', async (path) => execFileSync('mkfifo', [path])],
    [
      'a file that nobody may read',
      async (path) => {
        await writeFile(path, '');
        await chmod(path, 0);
      },
    ],
    [
      'a file that others may write',
      async (path) => {
        await writeFile(path, path.endsWith('model.onnx') ? MODEL : WEIGHTS);
        await chmod(path, 0o666);
      },
    ],
    ['another file', (path) => writeFile(path, 'other')],
    ['nothing', async () => {}],
  ])('is not taken, and replaced, where %s is in the place of a file', async (_, put) => {
    const { cache, folder } = await filled();
    for (const name of ['model.onnx', 'more/weights.bin']) {
      await rm(join(folder, name));
      await put(join(folder, name));
      expect(['absent', 'damaged']).toContain(await look(cache));
      await fill(cache);
      expect(await look(cache)).toMatchObject({ bytes: 31 });
      expect((await lstat(join(folder, name))).isFile()).toBe(true);
    }
  });

  it.each<[string, (path: string) => Promise<unknown>]>([
    ['a file', (path) => writeFile(path, '')],
    ['a link to nowhere', (path) => symlink('nowhere', path)],
    ['a link to a folder', (path) => symlink('/tmp', path)],
    ['a FIFO', async (path) => execFileSync('mkfifo', [path])],
    [
      'a folder that others may write',
      async (path) => {
        await mkdir(path);
        await chmod(path, 0o777);
      },
    ],
  ])('is not taken, and replaced, where %s is in the place of a folder', async (_, put) => {
    const { cache, folder } = await filled();
    for (const path of [folder, join(folder, 'more'), join(directory, '.incoming')]) {
      await rm(path, { recursive: true });
      await put(path);
      if (!path.endsWith('.incoming')) expect(['absent', 'damaged']).toContain(await look(cache));
      await fill(cache);
      expect(await look(cache)).toMatchObject({ bytes: 31 });
    }
  });

  it('of someone else’s is not taken, and replaced', async (context) => {
    if (SELF !== 0) context.skip('only root can give files away');
    const { cache, folder } = await filled();
    for (const name of ['model.onnx', 'more', '.']) {
      await giveToStranger(join(folder, name));
      expect(['absent', 'damaged']).toContain(await look(cache));
      await fill(cache);
      expect(await look(cache)).toMatchObject({ bytes: 31 });
    }
  });

  it.each<[string, (folder: string) => Promise<unknown>]>([
    [
      'a folder in the place of a file',
      (folder) => mkdir(join(folder, 'model.onnx/deep'), { recursive: true }),
    ],
    ['a file in the place of a folder', (folder) => writeFile(folder, '')],
    ['a link in the place of a folder', (folder) => symlink('nowhere', folder)],
  ])('is whole for all that repair %s at once', async (_, damage) => {
    const { cache, folder } = await filled();
    for (let round = 0; round < 5; round += 1) {
      await rm(folder, { recursive: true });
      await damage(folder);
      await Promise.all(Array.from({ length: 8 }, async () => fill(await ModelCache.open(directory))));
      expect(await look(cache)).toMatchObject({ bytes: 31 });
    }
    expect(await readdir(join(directory, '.incoming'))).toEqual([]);
  });

  it.each([
    ['model.onnx', MODEL.byteLength],
    ['more/weights.bin', WEIGHTS.byteLength],
  ])('is damaged where %s was added to', async (name) => {
    const { cache, folder } = await filled();
    await appendFile(join(folder, name), '!');
    expect(await look(cache)).toBe('damaged');
  });

  it('keeps a small file beside it, in place of whatever is there', async () => {
    const { cache, folder } = await filled();
    const golden = join(folder, 'manifest-1/golden/3.png');
    await mkdir(golden, { recursive: true });
    await cache.keep(ENTRY, 'manifest-1/golden/3.png', Buffer.from('image'));
    expect(await readFile(golden, 'utf8')).toBe('image');
    await rm(golden);
    execFileSync('mkfifo', [golden]);
    await cache.keep(ENTRY, 'manifest-1/golden/3.png', Buffer.from('image'));
    expect(await readFile(golden, 'utf8')).toBe('image');
  });

  it('that is begun again holds only what came then', async () => {
    const cache = await ModelCache.open(directory);
    const file = await cache.receive();
    await file.write(Buffer.from('what was there before'));
    await file.restart();
    await file.write(MODEL);
    const path = await cache.commit(`sha256:${sha256(MODEL)}`, [file], []);
    await file.discard();
    expect(await readFile(path)).toEqual(MODEL);
  });
});
