import { createHash, randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { FakeHub } from '../test/support/fake-hub.js';
import { temporaryFolder } from '../test/support/models.js';
import {
  S3_TEST_KEY,
  type ScriptedServer,
  startS3Server,
  startScriptedServer,
} from '../test/support/s3-server.js';
import type { FetchModelOptions } from './fetch-context.js';
import { fetchModel } from './fetch-model.js';

const MODEL = randomBytes(1000);
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const DIGEST = `sha256:${sha256(MODEL)}`;
const GOLDEN = [{ file: 'golden/1.png', outputs: [{ name: 'y', data: [1] }], tolerance: 0 }];
const MANIFEST = {
  schema_version: 1,
  name: 'digits',
  version: '1',
  file: 'model.onnx',
  task: 'raw',
  sha256: sha256(MODEL),
  golden: GOLDEN,
};

let cacheDir: string;
let objects: Record<string, string | Uint8Array>;
let warnings: { fields: object; message: string }[];

beforeEach(async () => {
  cacheDir = await temporaryFolder();
  warnings = [];
  objects = {
    '/m/model.json': JSON.stringify(MANIFEST),
    '/m/model.onnx': MODEL,
    '/m/golden/1.png': 'image',
  };
});

function fetchAt(uri: string, overrides: Partial<FetchModelOptions> = {}) {
  return fetchModel({
    uri,
    cacheDir,
    maxModelBytes: 2 ** 30,
    maxCacheBytes: 2 ** 40,
    attempts: 2,
    responseTimeoutMs: 5_000,
    stallTimeoutMs: 5_000,
    timing: { nowMs: () => 0, random: () => 0, sleep: async () => {} },
    logger: { info: () => {}, warn: (fields, message) => warnings.push({ fields, message }) },
    ...overrides,
  });
}

/** A server of the objects, and what it does instead from when that is set. */
async function serve() {
  const server = { fault: undefined as RequestListener | undefined, asked: [] as string[] };
  const scripted: ScriptedServer = await startScriptedServer((request, response) => {
    const path = new URL(request.url ?? '', 'http://x').pathname;
    server.asked.push(path);
    const data = objects[path];
    if (server.fault !== undefined) server.fault(request, response);
    else if (data === undefined) response.writeHead(404).end();
    else response.end(data);
  });
  onTestFinished(() => scripted.close().catch(() => {}));
  return Object.assign(server, { url: scripted.url, close: scripted.close });
}

const answer = (status: number) => (_: unknown, response: ServerResponse) => response.writeHead(status).end();
const fileIn = async (part: string): Promise<string> => {
  const all = await readdir(cacheDir, { recursive: true });
  const found = all.find((path) => path.includes(part) && /[./][^/]*\.json$|objects\/./.test(path));
  return join(cacheDir, found ?? 'none');
};

describe('a model whose source cannot be reached', () => {
  it('starts as it was when the source last was, with a warning since when that is', async () => {
    const { url, close } = await serve();
    const first = await fetchAt(`${url}/m`);
    await close();
    expect(await fetchAt(`${url}/m`)).toEqual({ ...first, cached: true });
    expect(await readFile(join(first.directory, 'golden/1.png'), 'utf8')).toBe('image');
    expect(warnings.at(-1)?.fields).toMatchObject({
      source: `${url}/m`,
      digest: DIGEST,
      since: expect.stringMatching(/^20\d\d-\d\d-\d\dT/),
      reason: expect.stringContaining('nothing listens there'),
    });
  });

  it.each<[string, RequestListener]>([
    ['answers 500', answer(500)],
    ['answers 503', answer(503)],
    ['says nothing', () => {}],
    ['resets connections', (request) => request.socket.destroy()],
  ])('starts when the server %s, after all attempts', async (_, fault) => {
    const server = await serve();
    await fetchAt(`${server.url}/m`);
    server.fault = fault;
    server.asked.length = 0;
    expect(await fetchAt(`${server.url}/m`, { responseTimeoutMs: 300 })).toMatchObject({ digest: DIGEST });
    expect(server.asked).toHaveLength(2);
  });

  it('starts without a manifest, where there was none', async () => {
    objects = { '/m/model.onnx': MODEL };
    const { url, close } = await serve();
    const first = await fetchAt(`${url}/m/model.onnx`);
    await close();
    expect(await fetchAt(`${url}/m/model.onnx`)).toEqual({ ...first, cached: true });
  });

  it('starts from S3', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', S3_TEST_KEY);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', S3_TEST_KEY);
    onTestFinished(() => void vi.unstubAllEnvs());
    const s3 = await startS3Server(['models']);
    for (const [path, data] of Object.entries(objects)) await s3.put('models', path.slice(1), data);
    const options = { s3: { endpoint: s3.endpoint } };
    const first = await fetchAt('s3://models/m', options);
    await s3.close();
    expect(await fetchAt('s3://models/m', options)).toEqual({ ...first, cached: true });
  });

  it('starts from the Hub, though its revision may have moved on', async () => {
    const hub = await FakeHub.start({ 'model.onnx': MODEL });
    const options = { hub: { endpoint: hub.endpoint } };
    const first = await fetchAt('hf://acme/digits@main', options);
    await hub.close();
    expect(await fetchAt('hf://acme/digits@main', options)).toEqual({ ...first, cached: true });
    await expect(fetchAt('hf://acme/digits@v1', options)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
    });
  });

  it('starts from a cache that may not be written', async () => {
    const { url, close } = await serve();
    await fetchAt(`${url}/m`);
    await close();
    for (const name of await readdir(cacheDir)) await chmod(join(cacheDir, name), 0o555);
    expect(await fetchAt(`${url}/m`)).toMatchObject({ digest: DIGEST });
  });

  it('fails with MODEL_UNAVAILABLE at its first start', async () => {
    const { url, close } = await serve();
    await close();
    await expect(fetchAt(`${url}/m`)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  });

  it.each<[string, (url: string) => string]>([
    ['another folder', (url) => `${url}/n`],
    ['another file', (url) => `${url}/m/model.onnx`],
    ['another query', (url) => `${url}/m?version=2`],
    ['another server', (url) => `${url.replace(/\d+$/, '9')}/m`],
  ])('does not start as %s', async (_, other) => {
    const { url, close } = await serve();
    await fetchAt(`${url}/m`);
    await close();
    await expect(fetchAt(other(url))).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  });

  it('does not start as another model than MODEL_SHA256 says', async () => {
    const { url, close } = await serve();
    await fetchAt(`${url}/m`);
    await close();
    expect(await fetchAt(`${url}/m`, { expectedSha256: DIGEST })).toMatchObject({ digest: DIGEST });
    const other = { expectedSha256: '0'.repeat(64) };
    await expect(fetchAt(`${url}/m`, other)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['the weights are gone', () => rm(join(cacheDir, DIGEST.replace(':', '-'), 'model.onnx'))],
    [
      'the weights have changed',
      () => writeFile(join(cacheDir, DIGEST.replace(':', '-'), 'model.onnx'), 'x'),
    ],
    ['the manifest is gone', async () => rm(await fileIn('objects'))],
    [
      'the manifest has changed',
      async () => writeFile(await fileIn('objects'), JSON.stringify({ ...MANIFEST, name: 'x' })),
    ],
    ['others may write the manifest', async () => chmod(await fileIn('objects'), 0o666)],
    [
      'a golden image has changed',
      async () => {
        const [path = ''] = (await readdir(cacheDir, { recursive: true })).filter((name) =>
          name.endsWith('1.png'),
        );
        await writeFile(join(cacheDir, path), 'another image');
      },
    ],
    [
      'what it said was cut off',
      async () => {
        const path = await fileIn('.sources');
        await writeFile(path, (await readFile(path)).subarray(0, 50));
      },
    ],
    ['what it said is of another form', async () => writeFile(await fileIn('.sources'), '{"format":2}')],
    [
      'what it said leads elsewhere',
      async () => {
        const path = await fileIn('.sources');
        const text = await readFile(path, 'utf8');
        await writeFile(path, text.replaceAll('objects/', '../../objects/'));
      },
    ],
    ['others may write what it said', async () => chmod(await fileIn('.sources'), 0o666)],
    ['others may write the folder of what sources said', () => chmod(join(cacheDir, '.sources'), 0o777)],
  ])('fails as if it had never started where %s', async (_, spoil) => {
    const { url, close } = await serve();
    await fetchAt(`${url}/m`);
    await spoil();
    await close();
    await expect(fetchAt(`${url}/m`)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringContaining('nothing listens there'),
    });
  });
});

describe('a model whose source can be reached', () => {
  it.each<[string, RequestListener, string]>([
    ['401', answer(401), 'MODEL_UNAVAILABLE'],
    ['403', answer(403), 'MODEL_UNAVAILABLE'],
    ['404', answer(404), 'MODEL_NOT_FOUND'],
    [
      'a redirect to nowhere',
      (_, response) => response.writeHead(302, { location: 'ftp://x' }).end(),
      'MODEL_UNAVAILABLE',
    ],
    [
      'a web page',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
      'MODEL_NOT_FOUND',
    ],
    ['a manifest that is none', (_, response) => response.end('{}'), 'MODEL_INCOMPATIBLE'],
  ])('does not start as it was where that answers %s', async (_, fault, code) => {
    const server = await serve();
    await fetchAt(`${server.url}/m`);
    server.fault = fault;
    await expect(fetchAt(`${server.url}/m`)).rejects.toMatchObject({ code });
  });

  it('does not start as it was where its bytes are not those of the digest', async () => {
    const { url } = await serve();
    await fetchAt(`${url}/m`);
    objects['/m/model.json'] = JSON.stringify({ ...MANIFEST, sha256: '0'.repeat(64) });
    await expect(fetchAt(`${url}/m`)).rejects.toMatchObject({ code: 'MODEL_DIGEST_MISMATCH' });
  });

  it('is as that says now, also the next time that it cannot be reached', async () => {
    const { url, close, asked } = await serve();
    await fetchAt(`${url}/m`);
    objects['/m/model.json'] = JSON.stringify({ ...MANIFEST, version: '2' });
    asked.length = 0;
    expect(await fetchAt(`${url}/m`)).toMatchObject({ cached: true, manifest: { version: '2' } });
    expect(asked).toEqual(['/m/model.json', '/m/golden/1.png']);
    await close();
    expect(await fetchAt(`${url}/m`)).toMatchObject({ manifest: { version: '2' } });
  });
});

describe('what the cache keeps of a source', () => {
  it('holds neither user nor password nor signature', async () => {
    const { url } = await serve();
    const uri = `${url.replace('//', '//me:hunter2@')}/m?X-Amz-Signature=cafe`;
    await fetchAt(uri, { httpBearerToken: 'secret-token' });
    for (const path of await readdir(cacheDir, { recursive: true })) {
      expect(path).not.toMatch(/hunter2|cafe1|secret/);
      if (!(await stat(join(cacheDir, path))).isFile() || path.endsWith('.onnx')) continue;
      expect(await readFile(join(cacheDir, path), 'utf8')).not.toMatch(/hunter2|Signature|secret-token/);
    }
  });
});
