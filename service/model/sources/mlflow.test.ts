import { buffer } from 'node:stream/consumers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FakeMlflow } from '../../test/support/fake-mlflow.js';
import { S3_TEST_KEY, startS3Server } from '../../test/support/s3-server.js';
import { createMlflowSource } from './mlflow.js';
import { openSource } from './open-source.js';
import type { ModelSource } from './source.js';

const FILES = {
  'model.json': '{"file":"model.onnx"}',
  'model.onnx': 'onnx bytes',
  'golden/a b+c%20#?é.png': 'image bytes',
};
const CHAMPION = 'models:/digits@champion';
const patient = new AbortController().signal;
const closers: (() => unknown)[] = [];

async function start(): Promise<FakeMlflow> {
  const mlflow = await FakeMlflow.start(FILES);
  closers.push(mlflow.close);
  return mlflow;
}

async function openAt(mlflow: FakeMlflow, uri = CHAMPION, token?: string): Promise<ModelSource> {
  const source = await openSource(uri, { mlflow: { trackingUri: mlflow.url, token } });
  closers.unshift(() => source.close());
  return source;
}

async function read(source: ModelSource, name: string): Promise<string> {
  return (await buffer((await source.open(name, patient)).stream)).toString();
}

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0)) await close();
});

describe('the models:/ source', () => {
  it.each([CHAMPION, 'models:/digits/3', 'models:///digits@champion'])(
    'reads the files of %s',
    async (uri) => {
      const source = await openAt(await start(), uri);
      for (const [name, content] of Object.entries(FILES)) expect(await read(source, name)).toBe(content);
      expect(source.entry).toBeUndefined();
    },
  );

  it('hands on the digest that the version has of its model.json, and no other', async () => {
    const source = await openAt(await start());
    const digests = [];
    for (const name of ['model.json', 'model.onnx']) {
      const opened = await source.open(name, patient);
      opened.stream.destroy();
      digests.push(opened.digest?.kind);
    }
    expect(digests).toEqual(['sha256', undefined]);
  });

  it('reads all files of the version that the alias was when it was first asked for', async () => {
    const mlflow = await start();
    const source = await openAt(mlflow);
    await read(source, 'model.json');
    mlflow.alias = '4';
    await read(source, 'model.onnx');
    expect(mlflow.requests.filter(({ path }) => path.endsWith('/alias'))).toHaveLength(1);
  });

  it('takes the files from S3 where the server says that they are there', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', S3_TEST_KEY);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', S3_TEST_KEY);
    const s3 = await startS3Server(['mlflow']);
    closers.push(s3.close);
    await s3.put('mlflow', 'run/model/model.onnx', 'from the bucket');
    const mlflow = await start();
    mlflow.place = 's3://mlflow/run/model';
    const options = { mlflow: { trackingUri: mlflow.url }, s3: { endpoint: s3.endpoint } };
    const source = await openSource(CHAMPION, options);
    closers.unshift(() => source.close());
    expect(await read(source, 'model.onnx')).toBe('from the bucket');
  });

  it.each(['/mlruns/0/run/artifacts/model', 'file:///mlruns/model', 'dbfs:/model'])(
    'says that files at %s cannot be read from here',
    async (place) => {
      const mlflow = await start();
      mlflow.place = place;
      await expect(read(await openAt(mlflow), 'model.json')).rejects.toMatchObject({ kind: 'permanent' });
    },
  );

  it.each(['models:/other@champion', 'models:/digits@absent', 'models:/other/1'])(
    'rejects with MODEL_NOT_FOUND for %s, which the registry has not',
    async (uri) => {
      const source = await openAt(await start(), uri);
      await expect(source.open('model.json', patient)).rejects.toMatchObject({
        code: 'MODEL_NOT_FOUND',
        kind: 'missing',
      });
    },
  );

  it('rejects with MODEL_NOT_FOUND for a file that the version has not', async () => {
    const source = await openAt(await start());
    await expect(source.open('other.json', patient)).rejects.toMatchObject({ kind: 'missing' });
  });

  it.each([
    [500, 'transient'],
    [503, 'transient'],
    [401, 'denied'],
    [403, 'denied'],
  ])('calls %i %s', async (status, kind) => {
    const mlflow = await start();
    mlflow.fault = (_, response) => response.writeHead(status).end() !== undefined;
    await expect((await openAt(mlflow)).open('model.json', patient)).rejects.toMatchObject({ kind });
  });

  it.each(['', 'no JSON', '[]', '{"model_version":{"version":"../x"}}', `"${'x'.repeat(2 ** 21)}"`])(
    'calls a server whose answer is no version permanently wrong',
    async (body) => {
      const mlflow = await start();
      mlflow.fault = (_, response) => response.end(body) !== undefined;
      await expect((await openAt(mlflow)).open('model.json', patient)).rejects.toMatchObject({
        kind: 'permanent',
      });
    },
  );

  it('sends the token, or user and password of the address, to the server', async () => {
    const mlflow = await start();
    await read(await openAt(mlflow, CHAMPION, 'secret'), 'model.json');
    expect(new Set(mlflow.requests.map(({ authorization }) => authorization))).toEqual(
      new Set(['Bearer secret']),
    );
    const trackingUri = mlflow.url.replace('//', '//me:pass@');
    const source = createMlflowSource(CHAMPION, { trackingUri });
    closers.unshift(() => source.close());
    await read(source, 'model.json');
    expect(mlflow.requests.at(-1)?.authorization).toBe(`Basic ${Buffer.from('me:pass').toString('base64')}`);
    expect(source.identity + source.description).not.toMatch(/pass/);
  });

  it('asks below the path that the address of the server has', async () => {
    const mlflow = await start();
    const source = createMlflowSource(CHAMPION, { trackingUri: `${mlflow.url}/mlflow/` });
    closers.unshift(() => source.close());
    await source.open('model.json', patient).then(({ stream }) => stream.destroy());
    expect(mlflow.requests[0]?.path).toBe('/mlflow/api/2.0/mlflow/registered-models/alias');
  });

  it.each([
    'models:/digits',
    'models:/digits@',
    'models:/@champion',
    'models:/a/b',
    'models:/digits/Production',
  ])('rejects with CONFIG_INVALID for %s', (uri) => {
    const options = { trackingUri: 'http://localhost:5000' };
    expect(() => createMlflowSource(uri, options)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it.each([undefined, 'sqlite:///mlflow.db', 'localhost:5000'])(
    'rejects with CONFIG_INVALID where the server is %s',
    (trackingUri) => {
      expect(() => createMlflowSource(CHAMPION, { trackingUri })).toThrow(
        expect.objectContaining({ code: 'CONFIG_INVALID' }),
      );
    },
  );
});
