import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  S3_TEST_KEY,
  type ScriptedServer,
  startS3Server,
  startScriptedServer,
} from '../test/support/s3-server.js';
import type { FetchModelOptions } from './fetch-context.js';
import { fetchModel } from './fetch-model.js';
import type { Timing } from './retry.js';

const MODEL = Buffer.from('the bytes of a model');
const HEX = sha256(MODEL);
const MANIFEST = {
  schema_version: 1,
  name: 'digits',
  version: '1.0.0',
  file: 'net.onnx',
  sha256: HEX,
  task: 'classification',
};
const GOLDEN = [{ file: 'golden/3.png', predictions: [{ label: '3', score: 1 }], tolerance: 0.01 }];

type Answer = string | Uint8Array | ((response: ServerResponse) => void);

let directory: string;
let server: ScriptedServer;
/** What the server has, by path; anything else is 404. */
let objects: Record<string, Answer>;
/** Paths in the order in which they were asked for. */
let asked: string[];
let log: { level: string; fields: object; message: string }[];

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function optionsFor(uri: string, overrides: Partial<FetchModelOptions> = {}): FetchModelOptions {
  return {
    uri: uri.startsWith('/') ? server.url + uri : uri,
    cacheDir: join(directory, 'cache'),
    maxModelBytes: 2 ** 30,
    maxCacheBytes: 2 ** 40,
    attempts: 3,
    responseTimeoutMs: 10_000,
    stallTimeoutMs: 10_000,
    timing: { nowMs: () => 0, random: () => 0, sleep: async () => {} },
    logger: {
      info: (fields, message) => log.push({ level: 'info', fields, message }),
      warn: (fields, message) => log.push({ level: 'warn', fields, message }),
    },
    ...overrides,
  };
}

const fetchAt = (uri: string, overrides?: Partial<FetchModelOptions>) =>
  fetchModel(optionsFor(uri, overrides));

function put(manifest: object, prefix = '/m'): void {
  objects[`${prefix}/model.json`] = JSON.stringify(manifest);
}

/** The answer for the first calls, in order; what is there for all later ones. */
function atFirst(then: Answer, ...answers: ((response: ServerResponse) => void)[]): Answer {
  return (response) => {
    const answer = answers.shift();
    if (answer !== undefined) answer(response);
    else if (typeof then === 'function') then(response);
    else response.end(then);
  };
}

const fail = (status: number) => (response: ServerResponse) => response.writeHead(status).end();
const truncate = (response: ServerResponse) => {
  response.writeHead(200, { 'content-length': MODEL.byteLength });
  response.write(MODEL.subarray(0, 5), () => response.destroy());
};
const stall = (response: ServerResponse) => {
  response.writeHead(200, { 'content-length': MODEL.byteLength });
  response.write(MODEL.subarray(0, 5));
};

/** Every file of models below the cache folder, relative to it; not what their sources last said. */
async function cachedFiles(cacheDir = join(directory, 'cache')): Promise<string[]> {
  const entries = await readdir(cacheDir, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(cacheDir.length + 1))
    .filter((path) => !/^\.sources\/|\/objects\//.test(path));
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetch-'));
  objects = { '/m/net.onnx': MODEL };
  asked = [];
  log = [];
  server = await startScriptedServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '', 'http://x').pathname);
    asked.push(path);
    const answer = objects[path];
    if (answer === undefined) response.writeHead(404).end();
    else if (typeof answer === 'function') answer(response);
    else response.end(answer);
  });
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

describe('fetchModel: what the URI names', () => {
  it.each(['/m', '/m/', '/m/model.json', '/m/net.onnx'])(
    'brings the model and its manifest from %s',
    async (path) => {
      put(MANIFEST);
      const files = await fetchAt(path);
      expect(files).toMatchObject({
        manifest: MANIFEST,
        digest: `sha256:${HEX}`,
        bytes: MODEL.byteLength,
        cached: false,
        source: server.url + path,
      });
      expect(await readFile(files.modelPath)).toEqual(MODEL);
    },
  );

  it('takes model.onnx from a folder without a manifest', async () => {
    objects['/m/model.onnx'] = MODEL;
    expect((await fetchAt('/m/')).manifest).toMatchObject({ name: 'model', file: 'model.onnx' });
  });

  it('says of a lone file only what it knows: its name and its digest', async () => {
    objects['/m/my net (v2).onnx'] = MODEL;
    expect((await fetchAt('/m/my%20net%20(v2).onnx')).manifest).toEqual({
      schema_version: 1,
      name: 'my-net-v2-',
      version: HEX.slice(0, 12),
      file: 'my net (v2).onnx',
      sha256: HEX,
    });
  });

  it.each([
    ['describes another file', JSON.stringify({ ...MANIFEST, file: 'other.onnx' })],
    ['is of another kind', '{"modelTopology": {}}'],
    ['may not be read', fail(403)],
    ['is a web page', (r: ServerResponse) => r.writeHead(200, { 'content-type': 'text/html' }).end('<html>')],
  ])('does without the model.json beside a file when it %s', async (_, manifest) => {
    objects['/m/model.json'] = manifest;
    expect((await fetchAt('/m/net.onnx')).manifest).toMatchObject({ name: 'net', version: HEX.slice(0, 12) });
  });

  it('warns when it may not look for a manifest', async () => {
    objects['/m/model.json'] = fail(403);
    await fetchAt('/m/net.onnx');
    expect(log.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('rejects with MODEL_NOT_FOUND for a folder with neither manifest nor model', async () => {
    await expect(fetchAt('/empty/')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('rejects with MODEL_NOT_FOUND when the manifest names a file that is not there', async () => {
    put({ ...MANIFEST, file: 'gone.onnx' });
    await expect(fetchAt('/m/')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it.each([
    ['is not JSON', '{'],
    ['breaks the schema', JSON.stringify({ ...MANIFEST, task: 'juggling' })],
    ['names a file above it', JSON.stringify({ ...MANIFEST, file: '../net.onnx' })],
    ['names an absolute file', JSON.stringify({ ...MANIFEST, file: '/etc/passwd' })],
    ['names a file with a backslash', JSON.stringify({ ...MANIFEST, file: '..\\net.onnx' })],
    [
      'names a golden file above it',
      JSON.stringify({ ...MANIFEST, golden: [{ ...GOLDEN[0], file: '../../x' }] }),
    ],
  ])('rejects with MODEL_INCOMPATIBLE when the manifest %s, and downloads nothing', async (_, manifest) => {
    objects['/m/model.json'] = manifest;
    await expect(fetchAt('/m/model.json')).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
    expect(asked).toEqual(['/m/model.json']);
  });
});

describe('fetchModel: faults on the way', () => {
  it.each([
    ['answers 500', fail(500)],
    ['answers 429', fail(429)],
    ['is cut off in mid-body', truncate],
    ['stalls in mid-body', stall],
  ])('tries again when the server %s', async (_, fault) => {
    objects['/m/net.onnx'] = atFirst(MODEL, fault, fault);
    const { modelPath } = await fetchAt('/m/net.onnx', { stallTimeoutMs: 500 });
    expect(await readFile(modelPath)).toEqual(MODEL);
    expect(asked.filter((path) => path === '/m/net.onnx')).toHaveLength(3);
    expect(await cachedFiles()).toEqual([`sha256-${HEX}/model.onnx`]);
  });

  it('gives up after the attempts it was given', async () => {
    objects['/m/net.onnx'] = stall;
    await expect(fetchAt('/m/net.onnx', { attempts: 2, stallTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
    });
    expect(asked.filter((path) => path === '/m/net.onnx')).toHaveLength(2);
  });

  it.each([401, 403, 404])('does not try again after %i', async (status) => {
    objects['/m/net.onnx'] = fail(status);
    await expect(fetchAt('/m/net.onnx')).rejects.toMatchObject({ name: 'ServiceError' });
    expect(asked.filter((path) => path === '/m/net.onnx')).toHaveLength(1);
  });

  it('leaves nothing behind when it fails', async () => {
    objects['/m/net.onnx'] = truncate;
    await expect(fetchAt('/m/net.onnx')).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    expect(await cachedFiles()).toEqual([]);
  });

  it('rejects with MODEL_INCOMPATIBLE when the model is larger than allowed', async () => {
    await expect(fetchAt('/m/net.onnx', { maxModelBytes: 5 })).rejects.toMatchObject({
      code: 'MODEL_INCOMPATIBLE',
    });
    expect(await cachedFiles()).toEqual([]);
  });

  it("rejects with the signal's reason when it aborts", async () => {
    const controller = new AbortController();
    const reason = new Error('shutting down');
    objects['/m/net.onnx'] = () => controller.abort(reason);
    await expect(fetchAt('/m/net.onnx', { signal: controller.signal })).rejects.toBe(reason);
    await expect(fetchAt('/m/net.onnx', { signal: controller.signal })).rejects.toBe(reason);
    expect(await cachedFiles()).toEqual([]);
  });

  it('never logs or says the query, user or token of a URL', async () => {
    objects['/m/net.onnx'] = atFirst(MODEL, fail(503));
    const uri = `${server.url.replace('//', '//me:hunter2@')}/m/net.onnx?sig=cafe`;
    const { source } = await fetchAt(uri, { httpBearerToken: 'secret-token' });
    expect(JSON.stringify([source, log])).not.toMatch(/hunter2|cafe|secret-token/);
  });
});

describe('fetchModel: digests', () => {
  it.each([HEX, `sha256:${HEX}`, HEX.toUpperCase()])(
    'accepts the model with the expected digest %s',
    async (expected) => {
      expect(await fetchAt('/m/net.onnx', { expectedSha256: expected })).toMatchObject({
        digest: `sha256:${HEX}`,
      });
    },
  );

  it('rejects with MODEL_DIGEST_MISMATCH a model that is not what its manifest says, and keeps none of it', async () => {
    put({ ...MANIFEST, sha256: '0'.repeat(64) });
    await expect(fetchAt('/m/')).rejects.toMatchObject({ code: 'MODEL_DIGEST_MISMATCH' });
    expect(asked).toEqual(['/m/model.json', '/m/net.onnx']);
    expect(await cachedFiles()).toEqual([]);
  });

  it('rejects with MODEL_DIGEST_MISMATCH a model that is not the expected one', async () => {
    await expect(fetchAt('/m/net.onnx', { expectedSha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'MODEL_DIGEST_MISMATCH',
    });
  });

  it('rejects with MODEL_DIGEST_MISMATCH before the download when manifest and configuration disagree', async () => {
    put(MANIFEST);
    await expect(fetchAt('/m/', { expectedSha256: '0'.repeat(64) })).rejects.toMatchObject({
      code: 'MODEL_DIGEST_MISMATCH',
    });
    expect(asked).toEqual(['/m/model.json']);
  });

  it('rejects with CONFIG_INVALID an expected digest that is none', async () => {
    await expect(fetchAt('/m/net.onnx', { expectedSha256: 'latest' })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });
});

describe('fetchModel: the cache', () => {
  const cachedPath = () => join(directory, 'cache', `sha256-${HEX}`, 'model.onnx');

  it('does not download again a model whose digest is known', async () => {
    put(MANIFEST);
    const first = await fetchAt('/m/');
    asked.length = 0;
    expect(await fetchAt('/m/')).toEqual({ ...first, cached: true });
    expect(asked).toEqual(['/m/model.json']);
  });

  it.each([
    ['were changed', () => writeFile(cachedPath(), 'the bytes of a mobel')],
    ['were cut short', () => writeFile(cachedPath(), MODEL.subarray(0, 5))],
    ['were added to', () => appendFile(cachedPath(), '!')],
    ['are gone', () => rm(cachedPath())],
  ])('downloads again a model whose bytes %s', async (_, damage) => {
    put(MANIFEST);
    await fetchAt('/m/');
    await damage();
    const { cached, modelPath } = await fetchAt('/m/');
    expect(cached).toBe(false);
    expect(await readFile(modelPath)).toEqual(MODEL);
  });

  it('gives whole models to many that fetch at once, and keeps one', async () => {
    put({ ...MANIFEST, golden: GOLDEN });
    objects['/m/golden/3.png'] = 'image';
    const all = await Promise.all(Array.from({ length: 8 }, () => fetchAt('/m/')));
    expect(new Set(all.map(({ digest }) => digest))).toEqual(new Set([`sha256:${HEX}`]));
    expect(await readFile(cachedPath())).toEqual(MODEL);
    expect(await cachedFiles()).toHaveLength(2);
  });

  it('keeps two versions apart', async () => {
    const other = Buffer.from('another model');
    objects['/other/net.onnx'] = other;
    const [first, second] = [await fetchAt('/m/net.onnx'), await fetchAt('/other/net.onnx')];
    expect(await readFile(first.modelPath)).toEqual(MODEL);
    expect(await readFile(second.modelPath)).toEqual(other);
  });

  it('removes what crashed downloads left, but not what a live one writes', async () => {
    const incoming = join(directory, 'cache', '.incoming');
    await mkdir(incoming, { recursive: true });
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);
    await writeFile(join(incoming, 'crashed'), 'x');
    await utimes(join(incoming, 'crashed'), yesterday, yesterday);
    await writeFile(join(incoming, 'live'), 'x');
    await fetchAt('/m/net.onnx');
    expect(await readdir(incoming)).toEqual(['live']);
  });

  it('rejects with MODEL_UNAVAILABLE when the cache folder cannot be made', async () => {
    await writeFile(join(directory, 'file'), '');
    const cacheDir = join(directory, 'file', 'cache');
    await expect(fetchAt('/m/net.onnx', { cacheDir })).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    await expect(fetchAt('/m/net.onnx', { cacheDir, expectedSha256: HEX })).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
    });
    expect(asked).not.toContain('/m/net.onnx');
  });

  it('rejects with MODEL_UNAVAILABLE when the disk is full, once, and leaves room for others', async (context) => {
    const cacheDir = join(directory, 'small');
    if (!(await mountTmpfs(cacheDir))) context.skip('a small tmpfs cannot be mounted here');
    try {
      objects['/m/net.onnx'] = randomBytes(3 * 1024 * 1024);
      await expect(fetchAt('/m/net.onnx', { cacheDir })).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
      expect(asked.filter((path) => path === '/m/net.onnx')).toHaveLength(1);
      expect(await cachedFiles(cacheDir)).toEqual([]);
    } finally {
      execFileSync('umount', [cacheDir]);
    }
  });

  it('is content with a read-only cache that has everything', async (context) => {
    const cacheDir = join(directory, 'small');
    if (!(await mountTmpfs(cacheDir))) context.skip('a small tmpfs cannot be mounted here');
    try {
      put({ ...MANIFEST, golden: GOLDEN });
      objects['/m/golden/3.png'] = 'image';
      await fetchAt('/m/', { cacheDir });
      execFileSync('mount', ['-o', 'remount,ro', cacheDir]);
      expect(await fetchAt('/m/', { cacheDir })).toMatchObject({ cached: true });
      await expect(fetchAt('/m/net.onnx', { cacheDir: join(cacheDir, 'new') })).rejects.toMatchObject({
        code: 'MODEL_UNAVAILABLE',
      });
    } finally {
      execFileSync('umount', [cacheDir]);
    }
  });
});

describe('fetchModel: golden images', () => {
  it('brings them, at their names, to the folder it returns', async () => {
    put({ ...MANIFEST, golden: [...GOLDEN, ...GOLDEN] });
    objects['/m/golden/3.png'] = 'image';
    const files = await fetchAt('/m/');
    expect(await readFile(join(files.directory, 'golden/3.png'), 'utf8')).toBe('image');
    expect(asked.filter((path) => path === '/m/golden/3.png')).toHaveLength(1);
  });

  it('brings them anew when they have changed', async () => {
    put({ ...MANIFEST, golden: GOLDEN });
    objects['/m/golden/3.png'] = 'image';
    await fetchAt('/m/');
    objects['/m/golden/3.png'] = 'better image';
    const files = await fetchAt('/m/');
    expect(await readFile(join(files.directory, 'golden/3.png'), 'utf8')).toBe('better image');
  });

  it('rejects with MODEL_NOT_FOUND when one is missing, far away or here', async () => {
    put({ ...MANIFEST, golden: GOLDEN });
    await expect(fetchAt('/m/')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await writeFile(join(directory, 'model.json'), JSON.stringify({ ...MANIFEST, golden: GOLDEN }));
    await writeFile(join(directory, 'net.onnx'), MODEL);
    await expect(fetchAt(`file://${directory}`)).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('rejects with MODEL_INCOMPATIBLE when one is no mere image', async () => {
    put({ ...MANIFEST, golden: GOLDEN });
    objects['/m/golden/3.png'] = Buffer.alloc(17 * 1024 * 1024);
    await expect(fetchAt('/m/')).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
  });
});

describe('fetchModel: external data', () => {
  const NAMES = ['net.onnx.data', 'more/weights.bin'];
  const DATA = ['the weights', 'and more of them'];
  const line = (name: string, content: string) =>
    `${sha256(Buffer.from(content))} ${content.length} ${name}\n`;
  const LINES = NAMES.map((name, index) => line(name, DATA[index] ?? '')).sort();
  const DIGEST = `sha256-files:${sha256(Buffer.from(line('net.onnx', MODEL.toString()) + LINES.join('')))}`;
  const WITH_DATA = { ...MANIFEST, file: 'onnx/net.onnx', external_data: NAMES, sha256: DIGEST };

  beforeEach(() => {
    put(WITH_DATA);
    objects['/m/onnx/net.onnx'] = MODEL;
    NAMES.forEach((name, index) => {
      objects[`/m/onnx/${name}`] = DATA[index] ?? '';
    });
  });

  it('brings it to where the ONNX file looks for it, under the digest of all', async () => {
    const files = await fetchAt('/m');
    expect(files).toMatchObject({
      digest: DIGEST,
      bytes: MODEL.length + DATA.join('').length,
      cached: false,
    });
    for (const [index, name] of NAMES.entries()) {
      expect(await readFile(join(dirname(files.modelPath), name), 'utf8')).toBe(DATA[index]);
    }
    expect(await fetchAt('/m')).toMatchObject({ cached: true, bytes: files.bytes });
    await writeFile(join(dirname(files.modelPath), 'net.onnx.data'), 'damaged');
    expect(await fetchAt('/m')).toMatchObject({ cached: false });
  });

  it('keeps two models apart that differ in nothing else', async () => {
    const one = await fetchAt('/m');
    objects['/m/onnx/more/weights.bin'] = 'others';
    put({ ...WITH_DATA, sha256: undefined });
    const other = await fetchAt('/m');
    expect(other.digest).not.toBe(one.digest);
    expect(await readFile(join(dirname(one.modelPath), 'more/weights.bin'), 'utf8')).toBe(DATA[1]);
    expect(await readFile(join(dirname(other.modelPath), 'more/weights.bin'), 'utf8')).toBe('others');
  });

  it('keeps two models apart whose bytes are the same in a row', async () => {
    put({ ...WITH_DATA, sha256: undefined });
    const one = await fetchAt('/m');
    objects['/m/onnx/net.onnx.data'] = 'the weightsand';
    objects['/m/onnx/more/weights.bin'] = ' more of them';
    const other = await fetchAt('/m');
    expect(other.digest).not.toBe(one.digest);
    expect(dirname(other.modelPath)).not.toBe(dirname(one.modelPath));
  });

  it('does not ask in which order the manifest lists it', async () => {
    put({ ...WITH_DATA, external_data: [...NAMES].reverse() });
    expect(await fetchAt('/m')).toMatchObject({ digest: DIGEST });
    put(WITH_DATA);
    expect(await fetchAt('/m')).toMatchObject({ digest: DIGEST, cached: true });
  });

  it.each(['', 'sha256:'])(
    'rejects with MODEL_DIGEST_MISMATCH a digest of one file (%j in front), and says the right one',
    async (kind) => {
      const joined = sha256(Buffer.from(MODEL.toString() + DATA.join('')));
      put({ ...WITH_DATA, sha256: undefined });
      await expect(fetchAt('/m', { expectedSha256: `${kind}${joined}` })).rejects.toMatchObject({
        code: 'MODEL_DIGEST_MISMATCH',
        message: expect.stringContaining(DIGEST),
      });
      put({ ...WITH_DATA, sha256: joined });
      await expect(fetchAt('/m')).rejects.toMatchObject({
        code: 'MODEL_DIGEST_MISMATCH',
        message: expect.stringContaining(DIGEST),
      });
      expect(await fetchAt('/m', { expectedSha256: DIGEST }).catch(({ code }) => code)).toBe(
        'MODEL_DIGEST_MISMATCH',
      );
      put({ ...WITH_DATA, sha256: undefined });
      expect(await fetchAt('/m', { expectedSha256: DIGEST })).toMatchObject({ digest: DIGEST });
    },
  );

  it('rejects with MODEL_DIGEST_MISMATCH where it was changed, and keeps nothing', async () => {
    objects['/m/onnx/net.onnx.data'] = 'other weights';
    await expect(fetchAt('/m')).rejects.toMatchObject({ code: 'MODEL_DIGEST_MISMATCH' });
    expect(await cachedFiles()).toEqual([]);
  });

  it('rejects with MODEL_NOT_FOUND where it is not there', async () => {
    delete objects['/m/onnx/net.onnx.data'];
    await expect(fetchAt('/m')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(await cachedFiles()).toEqual([]);
  });

  it('counts to the size of the model', async () => {
    const maxModelBytes = MODEL.length + DATA.join('').length;
    await expect(fetchAt('/m', { maxModelBytes: maxModelBytes - 1 })).rejects.toMatchObject({
      code: 'MODEL_INCOMPATIBLE',
    });
    expect(await fetchAt('/m', { maxModelBytes })).toMatchObject({ cached: false });
  });

  it.each(['../weights', '/etc/passwd', 'model.onnx', 'model.onnx/weights', 'half \ud800'])(
    'rejects with MODEL_INCOMPATIBLE %s',
    async (name) => {
      put({ ...WITH_DATA, external_data: [name] });
      await expect(fetchAt('/m')).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
    },
  );

  it('is hashed with a local model too, which stays where it is', async () => {
    const folder = join(directory, 'local');
    await mkdir(join(folder, 'more'), { recursive: true });
    await writeFile(join(folder, 'net.onnx'), MODEL);
    for (const [index, name] of NAMES.entries()) await writeFile(join(folder, name), DATA[index] ?? '');
    await writeFile(join(folder, 'model.json'), JSON.stringify({ ...WITH_DATA, file: 'net.onnx' }));
    expect(await fetchAt(`file://${folder}`)).toMatchObject({ digest: DIGEST });
    await writeFile(join(folder, 'net.onnx.data'), 'other weights');
    await expect(fetchAt(`file://${folder}`)).rejects.toMatchObject({ code: 'MODEL_DIGEST_MISMATCH' });
  });
});

describe('fetchModel: local models', () => {
  const local = () => `file://${directory}/local`;

  async function write(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(directory, 'local', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }

  it('uses them where they are', async () => {
    await write('net.onnx', MODEL);
    await write('golden/3.png', 'image');
    await write('model.json', JSON.stringify({ ...MANIFEST, golden: GOLDEN }));
    expect(await fetchAt(local())).toEqual({
      manifest: { ...MANIFEST, golden: GOLDEN },
      modelPath: join(directory, 'local', 'net.onnx'),
      directory: join(directory, 'local'),
      digest: `sha256:${HEX}`,
      bytes: MODEL.byteLength,
      cached: false,
      source: join(directory, 'local'),
    });
    await expect(stat(join(directory, 'cache'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('takes the only ONNX file of a folder', async () => {
    await write('net.onnx', MODEL);
    await write('README.md', '');
    expect(await fetchAt(local())).toMatchObject({ manifest: { name: 'net', file: 'net.onnx' } });
  });

  it('rejects with MODEL_NOT_FOUND a folder without any, with CONFIG_INVALID one with several', async () => {
    await write('README.md', '');
    await expect(fetchAt(local())).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await write('a.onnx', MODEL);
    await write('b.onnx', MODEL);
    await expect(fetchAt(local())).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('rejects with MODEL_DIGEST_MISMATCH one that was changed', async () => {
    await write('net.onnx', 'something else');
    await write('model.json', JSON.stringify(MANIFEST));
    await expect(fetchAt(local())).rejects.toMatchObject({ code: 'MODEL_DIGEST_MISMATCH' });
  });

  it('rejects with MODEL_INCOMPATIBLE a manifest that is not JSON, also beside a named file', async () => {
    await write('net.onnx', MODEL);
    await write('model.json', '{');
    await expect(fetchAt(local())).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
    await expect(fetchAt(`${local()}/net.onnx`)).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
  });
});

describe('fetchModel: S3', () => {
  it.each(['', 'digits/', 'digits/model.onnx', 'digits/model.json'])(
    'rejects with MODEL_NOT_FOUND that names the bucket where that is missing, asked for %j in it',
    async (key) => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', S3_TEST_KEY);
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', S3_TEST_KEY);
      const s3 = await startS3Server(['models']);
      try {
        await expect(
          fetchAt(`s3://no-such-bucket/${key}`, { s3: { endpoint: s3.endpoint } }),
        ).rejects.toMatchObject({
          code: 'MODEL_NOT_FOUND',
          isBucket: true,
          message: expect.stringContaining('no bucket no-such-bucket'),
        });
      } finally {
        await s3.close();
      }
    },
  );

  it('brings a model of 30 MB, its manifest and its images from a prefix', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', S3_TEST_KEY);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', S3_TEST_KEY);
    const model = randomBytes(30 * 1024 * 1024);
    const manifest = { ...MANIFEST, sha256: sha256(model), golden: GOLDEN };
    const s3 = await startS3Server(['models']);
    try {
      await s3.put('models', 'digits/v1/model.json', JSON.stringify(manifest));
      await s3.put('models', 'digits/v1/net.onnx', model);
      await s3.put('models', 'digits/v1/golden/3.png', 'image');
      const options = { s3: { endpoint: s3.endpoint } };
      const files = await fetchAt('s3://models/digits/v1', options);
      expect(files).toMatchObject({ manifest, bytes: model.byteLength, source: 's3://models/digits/v1/' });
      expect(sha256(await readFile(files.modelPath))).toBe(manifest.sha256);
      expect(await readFile(join(files.directory, 'golden/3.png'), 'utf8')).toBe('image');
      expect(await fetchAt('s3://models/digits/v1', options)).toMatchObject({ cached: true });
    } finally {
      await s3.close();
    }
  });
});

describe('fetchModel: progress', () => {
  it('tells of the start, at most every two seconds of the middle, and of the end', async () => {
    const pieces = 100;
    objects['/m/net.onnx'] = (response) => dripInto(response, pieces);
    let clockMs = 0;
    const timing: Timing = {
      nowMs: () => {
        clockMs += 100;
        return clockMs;
      },
      random: () => 0,
      sleep: async () => {},
    };
    await fetchAt('/m/net.onnx', { timing });
    const reports = log.filter(({ fields }) => 'bytes_per_second' in fields);
    const seconds = clockMs / 1000;
    expect(log[0]?.fields).toMatchObject({ object: `${server.url}/m/net.onnx`, total_bytes: pieces });
    expect(log.at(-1)?.fields).toMatchObject({ received_bytes: pieces, seconds: expect.any(Number) });
    expect(log).toHaveLength(reports.length + 2);
    expect(reports.length).toBeLessThanOrEqual(seconds / 2);
  });
});

/** One byte at a time, each when the one before it is on its way. */
function dripInto(response: ServerResponse, pieces: number): void {
  response.writeHead(200, { 'content-length': pieces });
  const next = (left: number): void => {
    if (left === 0) response.end();
    else response.write('.', () => setImmediate(next, left - 1));
  };
  next(pieces);
}

/** Mounts a file system of 1 MiB; false where that is not allowed. */
async function mountTmpfs(path: string): Promise<boolean> {
  await mkdir(path, { recursive: true });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
