import type { RequestListener } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  S3_TEST_KEY,
  type ScriptedServer,
  startS3Server,
  startScriptedServer,
} from '../test/support/s3-server.js';
import { S3Store } from './s3-store.js';
import { MAX_READ_BYTES, within } from './store.js';

const patient = new AbortController().signal;
const object = { path: 'digits/1.0.0/2026-11-22/a%2Fb.png', bytes: Buffer.from('image'), type: 'image/png' };

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', S3_TEST_KEY);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'a-secret');
  vi.stubEnv('AWS_REGION', undefined);
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});
afterEach(() => void vi.unstubAllEnvs());

async function storeAt(listener: RequestListener): Promise<S3Store> {
  const server: ScriptedServer = await startScriptedServer(listener);
  return opened(new S3Store('s3://captures/of', { endpoint: server.url }), server);
}

function opened(store: S3Store, server: { close(): Promise<void> }): S3Store {
  onTestFinished(async () => {
    store.close();
    await server.close();
  });
  return store;
}

const refusing = (status: number): Promise<S3Store> =>
  storeAt((_, response) => void response.writeHead(status).end('<Error><Code>No</Code></Error>'));

describe('a bucket', () => {
  it.each(['s3://captures', 's3://captures/', 's3://captures/of', 's3://captures/of/'])(
    'has what was written below %s, and gives it back',
    async (uri) => {
      const server = await startS3Server(['captures']);
      const store = opened(new S3Store(uri, { endpoint: server.endpoint }), server);
      await store.write([object], patient);
      expect(Buffer.from((await store.read(object.path, patient)) ?? []).toString()).toBe('image');
      expect(await store.read('digits/no.json', patient)).toBeUndefined();
      const prefix = uri.includes('of') ? 'of/' : '';
      const key = `${prefix}${object.path}`.split('/').map(encodeURIComponent).join('/');
      expect(await (await fetch(`${server.endpoint}/captures/${key}`)).text()).toBe('image');
    },
  );

  it('that refuses or fails is no success', async () => {
    for (const status of [403, 500, 503])
      await expect((await refusing(status)).write([object], patient)).rejects.toThrow();
    await expect((await refusing(500)).read(object.path, patient)).rejects.toThrow();
  });

  it('that may not be listed has no key that it forbids', async () => {
    expect(await (await refusing(403)).read(object.path, patient)).toBeUndefined();
  });

  it('that never answers lets whoever waits go in time', async () => {
    const store = await storeAt(() => undefined);
    const write = within(50, patient, (signal) => store.write([object], signal));
    await expect(write).rejects.toThrow('50 ms');
    await expect(within(50, patient, (signal) => store.read('a', signal))).rejects.toThrow('50 ms');
  });

  it('that does not end an answer frees the connection of whoever waits for it', async () => {
    let onClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      onClosed = resolve;
    });
    const store = await storeAt((request, response) => {
      response.writeHead(200, { 'content-length': 10 }).write('x');
      request.socket.once('close', onClosed);
    });
    await expect(within(200, patient, (signal) => store.read('a', signal))).rejects.toThrow('200 ms');
    await closed;
  });

  it('reads nothing that is too large for a record', async () => {
    const store = await storeAt((_, response) => {
      response.writeHead(200, { 'content-length': MAX_READ_BYTES + 1 }).write('x');
    });
    expect(await store.read(object.path, patient)).toBeUndefined();
  });
});
