import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeHub, type FakeHubOptions, type Fault, send } from '../test/support/fake-hub.js';
import { temporaryFolder } from '../test/support/models.js';
import type { FetchModelOptions } from './fetch-context.js';
import { fetchModel } from './fetch-model.js';

const HALF = 256 * 1024;
const MODEL: Buffer = randomBytes(2 * HALF);
const OTHER: Buffer = randomBytes(2 * HALF);
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const MANIFEST = { schema_version: 1, name: 'digits', version: '1', file: 'model.onnx', task: 'raw' };
const FILES = { 'model.json': JSON.stringify(MANIFEST), 'model.onnx': MODEL };
const END: Fault = (_, response) => response.destroy() !== undefined;

async function startHub(files: Parameters<typeof FakeHub.start>[0] = FILES, options?: FakeHubOptions) {
  const hub = await FakeHub.start(files, options);
  onTestFinished(() => hub.close());
  return hub;
}

async function fetchFrom(hub: FakeHub, path = '', overrides: Partial<FetchModelOptions> = {}) {
  return fetchModel({
    uri: `hf://acme/digits${path}`,
    hub: { endpoint: hub.endpoint },
    cacheDir: overrides.cacheDir ?? (await temporaryFolder()),
    maxModelBytes: 2 ** 30,
    maxCacheBytes: 2 ** 40,
    attempts: 2,
    responseTimeoutMs: 5_000,
    stallTimeoutMs: 5_000,
    timing: { nowMs: () => 0, random: () => 0, sleep: async () => {} },
    logger: { info: () => {}, warn: () => {} },
    ...overrides,
  });
}

/** For the first request alone. */
function once(fault: Fault): Fault {
  let isOver = false;
  return (...args) => {
    if (isOver) return false;
    isOver = true;
    return fault(...args);
  };
}

/** Sends half of the model, under the tag that it has at the store, and cuts the connection. */
const cut: Fault = (_, response) => {
  const etag = `"${createHash('md5').update(MODEL).digest('hex')}"`;
  response.writeHead(200, { etag, 'content-length': MODEL.byteLength });
  response.write(MODEL.subarray(0, HALF), () => response.destroy());
  return true;
};

describe('a model from the Hugging Face Hub', () => {
  it.each(['', '/', '@main', '/model.json', '@main/model.onnx'])(
    'arrives from acme/digits%s',
    async (path) => {
      const files = await fetchFrom(await startHub(), path);
      expect(files).toMatchObject({ manifest: MANIFEST, digest: `sha256:${sha256(MODEL)}`, cached: false });
      expect(sha256(await readFile(files.modelPath))).toBe(sha256(MODEL));
    },
  );

  it.each([
    ['', 'onnx/model.onnx', 'sha256-files'],
    ['/onnx/model_fp16.onnx', 'model_fp16.onnx', 'sha256'],
  ])('arrives without a model.json, with what lies around it: acme/digits%s', async (path, file, kind) => {
    const config = { model_type: 'vit', architectures: ['ViTForImageClassification'] };
    const cacheDir = await temporaryFolder();
    const hub = await startHub({
      'config.json': JSON.stringify(config),
      'preprocessor_config.json': JSON.stringify({ image_processor_type: 'ViTImageProcessor', size: 96 }),
      'onnx/model.onnx': MODEL,
      'onnx/model.onnx_data': OTHER,
      'onnx/model_fp16.onnx': OTHER,
    });
    const { manifest, findings, digest } = await fetchFrom(hub, path, { cacheDir });
    expect([manifest.name, manifest.file, digest.split(':')[0]]).toEqual(['digits', file, kind]);
    expect(findings?.fields.get('input.width')).toMatchObject({ value: 96 });
    await hub.close();
    expect(await fetchFrom(hub, path, { cacheDir })).toMatchObject({ manifest, digest, findings });
  });

  it('arrives with its external data and golden images, from a folder of the repository', async () => {
    const golden = [{ file: 'golden/1.png', outputs: [{ name: 'y', data: [1] }], tolerance: 0 }];
    const manifest = { ...MANIFEST, external_data: ['model.onnx.data'], golden };
    const hub = await startHub({
      'small/model.json': JSON.stringify(manifest),
      'small/model.onnx': MODEL,
      'small/model.onnx.data': OTHER,
      'small/golden/1.png': 'image',
    });
    const cacheDir = await temporaryFolder();
    const files = await fetchFrom(hub, '/small', { cacheDir });
    expect(await readFile(`${files.directory}/golden/1.png`, 'utf8')).toBe('image');
    expect(await fetchFrom(hub, '/small', { cacheDir })).toEqual({ ...files, cached: true });
    expect(hub.asked.filter((line) => line.startsWith('GET store'))).toHaveLength(2);
  });

  it('is not sent again while the Hub has the same, though nobody has written its digest down', async () => {
    const hub = await startHub({ 'model.onnx': MODEL });
    const cacheDir = await temporaryFolder();
    await fetchFrom(hub, '', { cacheDir });
    expect(await fetchFrom(hub, '', { cacheDir })).toMatchObject({ cached: true });
    hub.commit({ 'model.onnx': OTHER });
    const digest = `sha256:${sha256(OTHER)}`;
    expect(await fetchFrom(hub, '', { cacheDir })).toMatchObject({ cached: false, digest });
  });

  it('of a commit that the cache knows is not even asked for', async () => {
    const hub = await startHub();
    const cacheDir = await temporaryFolder();
    const pinned = `@${hub.commit(FILES)}`;
    const first = await fetchFrom(hub, pinned, { cacheDir });
    hub.requests.length = 0;
    expect(await fetchFrom(hub, pinned, { cacheDir })).toEqual({ ...first, cached: true });
    expect(hub.asked).toEqual([]);
  });

  it.each([
    ['/none', 'MODEL_NOT_FOUND'],
    ['@v9', 'MODEL_NOT_FOUND'],
    ['/model.json/../x', 'CONFIG_INVALID'],
  ])('that is not there, at acme/digits%s, is refused with %s', async (path, code) => {
    await expect(fetchFrom(await startHub(), path)).rejects.toMatchObject({ code });
  });

  it('that is private or gated is refused at once, in a sentence that says what to do', async () => {
    for (const options of [{ token: 't' }, { isGated: true }]) {
      const hub = await startHub(FILES, options);
      await expect(fetchFrom(hub)).rejects.toMatchObject({
        code: 'MODEL_UNAVAILABLE',
        message: expect.stringContaining('HF_TOKEN'),
      });
      expect(hub.requests.length).toBeLessThanOrEqual(2);
    }
  });
});

describe('a download from the Hub', () => {
  it('goes on where it broke, at the store, over a new link', async () => {
    const hub = await startHub();
    hub.storeFault = once(cut);
    expect(await fetchFrom(hub)).toMatchObject({ digest: `sha256:${sha256(MODEL)}` });
    const ranges = hub.requests.filter(({ host }) => host === 'store').map(({ range }) => range);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d*-$/)]);
  });

  it('is fetched whole once more where the rest was of something else', async () => {
    const hub = await startHub();
    const etag = `"${createHash('md5').update(MODEL).digest('hex')}"`;
    const faults: Fault[] = [
      cut,
      (request, response) => send(request, response, OTHER, { etag }) !== undefined,
    ];
    hub.storeFault = (...args) => faults.shift()?.(...args) ?? false;
    expect(await fetchFrom(hub)).toMatchObject({ digest: `sha256:${sha256(MODEL)}` });
    expect(hub.requests.filter(({ host }) => host === 'store').at(-1)?.range).toBeUndefined();
  });

  it.each<[string, Fault]>([
    [
      'other bytes of the same length',
      (request, response) => send(request, response, OTHER, {}) !== undefined,
    ],
    [
      'one byte that is another',
      (request, response) => {
        const damaged = Buffer.from(MODEL);
        damaged[HALF] = (damaged[HALF] ?? 0) ^ 1;
        return send(request, response, damaged, { etag: '"x"' }) !== undefined;
      },
    ],
  ])(
    'is refused with MODEL_DIGEST_MISMATCH where the store sends %s, and nothing is kept',
    async (_, fault) => {
      const hub = await startHub();
      hub.storeFault = fault;
      const cacheDir = await temporaryFolder();
      await expect(fetchFrom(hub, '', { cacheDir })).rejects.toMatchObject({ code: 'MODEL_DIGEST_MISMATCH' });
      hub.storeFault = END;
      await expect(fetchFrom(hub, '', { cacheDir })).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    },
  );

  it('is refused with MODEL_DIGEST_MISMATCH where a small file is not what git says', async () => {
    const hub = await startHub();
    hub.hubFault = (request, response, path) =>
      path.includes('/resolve-cache/') &&
      send(request, response, Buffer.alloc(FILES['model.json'].length, '{'), {}) !== undefined;
    await expect(fetchFrom(hub)).rejects.toMatchObject({ code: 'MODEL_DIGEST_MISMATCH' });
  });

  it('is held to what git says of a model that is in git itself', async () => {
    const hub = await startHub({ 'model.onnx': MODEL });
    const blob = createHash('sha1').update(`blob ${MODEL.byteLength}\0`).update(MODEL).digest('hex');
    let sent = MODEL;
    hub.hubFault = (request, response, path) =>
      path.endsWith('/model.onnx') && send(request, response, sent, { etag: `"${blob}"` }) !== undefined;
    expect(await fetchFrom(hub)).toMatchObject({ digest: `sha256:${sha256(MODEL)}` });
    sent = OTHER;
    await expect(fetchFrom(hub)).rejects.toMatchObject({ code: 'MODEL_DIGEST_MISMATCH' });
  });

  it.each<[string, Fault]>([
    ['says nothing', () => true],
    [
      'stops in the middle',
      (_, response) => {
        response.writeHead(200, { 'content-length': MODEL.byteLength });
        return response.write(MODEL.subarray(0, 5)) !== undefined;
      },
    ],
    ['ends early', (_, response) => response.writeHead(200).end(MODEL.subarray(0, 5)) !== undefined],
    ['ends the connection', END],
    ['is overloaded', (_, response) => response.writeHead(503).end() !== undefined],
  ])('is given up with MODEL_UNAVAILABLE where the store %s', async (_, fault) => {
    const hub = await startHub();
    hub.storeFault = fault;
    const impatient = { responseTimeoutMs: 200, stallTimeoutMs: 200 };
    await expect(fetchFrom(hub, '', impatient)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
    expect(hub.requests.filter(({ host }) => host === 'store')).toHaveLength(2);
  });

  it.each(['/api/models/', '/resolve/'])('is given up where the Hub says nothing at %s', async (part) => {
    const hub = await startHub();
    hub.hubFault = (_, __, path) => path.includes(part);
    await expect(fetchFrom(hub, '', { responseTimeoutMs: 200 })).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
    });
  });

  it.each<[string, Record<string, string | number>]>([
    ['a length', { 'content-length': MODEL.byteLength + 1 }],
    ['a length of almost nothing', { 'content-length': 5 }],
  ])('is refused where the store lies about %s', async (_, headers) => {
    const hub = await startHub();
    hub.storeFault = (__, response) => response.writeHead(200, headers).end(MODEL) !== undefined;
    await expect(fetchFrom(hub)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' });
  });

  it.each(['store', 'hub'] as const)('is refused where the body from the %s has no end', async (host) => {
    const hub = await startHub();
    const endless: Fault = (_, response, path) => {
      if (host === 'hub' && !path.includes('/resolve/')) return false;
      response.writeHead(200, { 'x-linked-etag': `"${'a'.repeat(64)}"`, 'x-linked-size': 2 * HALF });
      const chunk = Buffer.alloc(HALF);
      const more = (): void => void (response.destroyed || response.write(chunk, more));
      more();
      return true;
    };
    if (host === 'store') hub.storeFault = endless;
    else hub.hubFault = endless;
    const code = { code: 'MODEL_INCOMPATIBLE' };
    await expect(fetchFrom(hub, '/model.onnx', { maxModelBytes: 3 * HALF })).rejects.toMatchObject(code);
  });

  it('is refused where the model is larger than allowed, before it is sent', async () => {
    const hub = await startHub({ 'model.onnx': MODEL });
    const cacheDir = await temporaryFolder();
    await expect(fetchFrom(hub, '', { cacheDir, maxModelBytes: HALF })).rejects.toMatchObject({
      code: 'MODEL_INCOMPATIBLE',
    });
  });
});
