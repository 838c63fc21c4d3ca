import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { App } from '../../app.js';
import { startApp } from '../support/app.js';
import { plainPng } from '../support/images.js';
import { parseMetrics } from '../support/metrics.js';
import { meanColourModel, writeModelFolder } from '../support/models.js';
import {
  isStrictS3Served,
  STRICT_S3,
  strictS3Client,
  strictTitle,
  stubStrictS3Keys,
} from '../support/strict-s3.js';

const BUCKET = 'strict-captures';
const WAITING = { timeout: 10_000, interval: 20 };

let png: Buffer;

async function startFor(bucket: string): Promise<App> {
  const MODEL_URI = await writeModelFolder(meanColourModel());
  const place = { CAPTURE_TO: `s3://${bucket}/of`, AWS_ENDPOINT_URL_S3: STRICT_S3.endpoint };
  return startApp({ MODEL_URI, CAPTURE_SHARE: '1', ...place });
}

async function predict(app: App, id: string): Promise<number> {
  const headers = { 'x-request-id': id, 'content-type': 'image/png' };
  const answer = await app.server.inject({ method: 'POST', url: '/predict', payload: png, headers });
  return answer.statusCode;
}

function tell(app: App, id: string) {
  const payload = { request_id: id, label: 'red' };
  return app.server.inject({ method: 'POST', url: '/feedback', payload });
}

async function untilCounted(app: App, name: string): Promise<void> {
  await vi.waitFor(
    async () => expect(parseMetrics((await app.server.inject('/metrics')).body).get(name)).toBe(1),
    WAITING,
  );
}

/** Everything in the bucket, by key. */
async function objects(): Promise<Map<string, { type: string | undefined; bytes: Buffer }>> {
  const { GetObjectCommand, ListObjectsV2Command } = await import('@aws-sdk/client-s3');
  const client = await strictS3Client();
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }));
  const found = new Map<string, { type: string | undefined; bytes: Buffer }>();
  for (const { Key = '' } of Contents) {
    const { Body, ContentType } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
    found.set(Key, { type: ContentType, bytes: await buffer(Body as Readable) });
  }
  client.destroy();
  return found;
}

const TITLE = strictTitle('captures in a bucket that verifies signatures');

describe.skipIf(!isStrictS3Served)(TITLE, () => {
  beforeAll(async () => {
    const { CreateBucketCommand } = await import('@aws-sdk/client-s3');
    const client = await strictS3Client();
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    client.destroy();
    png = await plainPng({ r: 200, g: 100, b: 50 });
  });
  beforeEach(stubStrictS3Keys);
  afterEach(() => void vi.unstubAllEnvs());

  it('are the image, its record and the feedback, as they are in a folder', async () => {
    const id = 'a/b+c=d';
    const app = await startFor(BUCKET);
    expect(await predict(app, id)).toBe(200);
    await untilCounted(app, 'cv_capture_images_total{why="sampled"}');
    const told = await tell(app, id);
    expect([told.statusCode, told.json()]).toEqual([200, { request_id: id, verdict: 'correct' }]);
    const kept = await objects();
    const named = (ending: string) =>
      [...kept].find(
        ([key]) =>
          /^of\/mean-colour\/1\.0\.0\/[\d-]{10}\//.test(key) && key.endsWith(`/a%2Fb%2Bc%3Dd.${ending}`),
      )?.[1];
    expect(named('png')).toEqual({ type: 'image/png', bytes: png });
    expect(JSON.parse(String(named('json')?.bytes))).toMatchObject({ request_id: id, why: 'sampled' });
    expect(JSON.parse(String(named('feedback.json')?.bytes))).toMatchObject({ request_id: id, label: 'red' });
    expect(kept.size).toBe(3);
  });

  it.each([
    ['with a wrong secret', BUCKET, { AWS_SECRET_ACCESS_KEY: 'a-wrong-secret' }],
    ['with an unknown key', BUCKET, { AWS_ACCESS_KEY_ID: 'a-wrong-access-key' }],
    ['that is not there', 'no-such-captures', {}],
  ])(
    '%s are dropped and counted, answers go on, and feedback is to be sent again',
    async (_, bucket, keys) => {
      for (const [name, value] of Object.entries(keys)) vi.stubEnv(name, value);
      const before = await objects();
      const app = await startFor(bucket);
      expect(await predict(app, 'lost')).toBe(200);
      await untilCounted(app, 'cv_capture_dropped_total{reason="failed"}');
      const told = await tell(app, 'lost');
      expect([told.statusCode, told.json().code]).toEqual([503, 'STORAGE_UNAVAILABLE']);
      expect(await predict(app, 'after')).toBe(200);
      expect(await objects()).toEqual(before);
    },
  );
});
