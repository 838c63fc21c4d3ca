import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { FakeHub } from '../../test/support/fake-hub.js';
import { S3_TEST_KEY, startS3Server, startScriptedServer } from '../../test/support/s3-server.js';
import { openSource } from './open-source.js';
import type { ModelSource } from './source.js';

const OBJECTS: Readonly<Record<string, string>> = {
  'model.onnx': 'onnx bytes',
  'model.json': '{"file":"model.onnx"}',
  'empty.onnx': '',
  'golden/a b+c%20#?é.png': 'image bytes',
};

interface Place {
  open(path: string): Promise<ModelSource>;
  close(): Promise<void>;
}

async function onDisk(): Promise<Place> {
  const directory = await mkdtemp(join(tmpdir(), 'source-'));
  for (const [name, content] of Object.entries(OBJECTS)) {
    const path = join(directory, 'digits', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  return {
    open: (path) => openSource(join(directory, path)),
    close: () => rm(directory, { recursive: true }),
  };
}

async function overHttp(): Promise<Place> {
  const server = await startScriptedServer((request, response) => {
    const content = OBJECTS[decodeURIComponent(request.url ?? '').replace(/^\/digits\//, '')];
    if (content === undefined) response.writeHead(404).end();
    else response.end(content);
  });
  return { open: (path) => openSource(`${server.url}/${path}`), close: server.close };
}

async function inBucket(): Promise<Place> {
  vi.stubEnv('AWS_ACCESS_KEY_ID', S3_TEST_KEY);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', S3_TEST_KEY);
  const server = await startS3Server(['models']);
  for (const [name, content] of Object.entries(OBJECTS))
    await server.put('models', `digits/${name}`, content);
  return {
    open: (path) => openSource(`s3://models/${path}`, { s3: { endpoint: server.endpoint } }),
    close: async () => {
      vi.unstubAllEnvs();
      await server.close();
    },
  };
}

async function onHub(): Promise<Place> {
  const files = Object.fromEntries(
    Object.entries(OBJECTS).map(([name, content]) => [`digits/${name}`, content]),
  );
  const hub = await FakeHub.start(files);
  const options = { hub: { endpoint: hub.endpoint } };
  return {
    open: (path) => openSource(`hf://${hub.repository}/${path}`, options),
    close: () => hub.close(),
  };
}

const patient = new AbortController().signal;

describe.each([
  ['file', onDisk],
  ['http', overHttp],
  ['s3', inBucket],
  ['hf', onHub],
])('the %s source', (_, start) => {
  let place: Place;
  const opened: ModelSource[] = [];

  async function openAt(path: string): Promise<ModelSource> {
    const source = await place.open(path);
    opened.push(source);
    return source;
  }

  beforeAll(async () => {
    place = await start();
  });

  afterAll(async () => {
    for (const source of opened) source.close();
    await place.close();
  });

  it('takes a folder for a folder, with or without a slash at its end', async () => {
    for (const path of ['digits', 'digits/']) {
      const source = await openAt(path);
      expect(source.entry).toBeUndefined();
      const { stream } = await source.open('model.onnx', patient);
      expect((await buffer(stream)).toString()).toBe('onnx bytes');
    }
  });

  it.each(['model.onnx', 'model.json'])('takes %s for an entry', async (name) => {
    const source = await openAt(`digits/${name}`);
    expect(source.entry).toBe(name);
  });

  it.each(Object.keys(OBJECTS))('gives the bytes and the size of %s, beside the entry', async (name) => {
    const source = await openAt('digits/model.onnx');
    const { stream, size } = await source.open(name, patient);
    const content = Buffer.from(OBJECTS[name] ?? 'absent');
    expect(await buffer(stream)).toEqual(content);
    expect(size).toBe(content.byteLength);
  });

  it('gives what lies above its folder to whoever asks for that', async () => {
    const source = await openAt('digits/golden');
    const { stream } = await source.open('../model.json', patient);
    expect((await buffer(stream)).toString()).toBe(OBJECTS['model.json']);
  });

  it('rejects with MODEL_NOT_FOUND for what is not there', async () => {
    const source = await openAt('digits/');
    await expect(source.open('other.onnx', patient)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      kind: 'missing',
    });
  });

  it('has an identity of its own, and so has each other folder and file of the same server', async () => {
    const paths = ['digits/', 'digits/model.onnx', 'digits/model.json', 'other/'];
    const sources = await Promise.all(paths.map((path) => openAt(path).catch(() => undefined)));
    const identities = sources.flatMap((source) => source?.identity ?? []);
    expect(new Set(identities).size).toBe(identities.length);
    expect(identities.length).toBeGreaterThan(2);
  });

  it('says where an object is', async () => {
    const source = await openAt('digits/model.onnx');
    expect(source.locate('model.json')).toMatch(/digits\/model\.json$/);
    expect(source.description).toMatch(/digits\/model\.onnx$/);
  });
});
