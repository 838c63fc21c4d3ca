import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { App } from '../../app.js';
import { STATUS_OF_CODE } from '../../http/error-responses.js';
import { createAppFor, SharedApps, startApp } from '../support/app.js';
import { settle } from '../support/controlled-runner.js';
import { multipart, plainPng } from '../support/images.js';
import { parseMetrics } from '../support/metrics.js';
import { meanColourModel, slowModel, writeModelFolder } from '../support/models.js';
import { crash, watchThreads } from '../support/threads.js';

const PNG = { 'content-type': 'image/png' };
const GREY = { r: 90, g: 90, b: 90 };

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: { code: string; status: number };
}

async function post(app: App, url: string, payload: Buffer | object, headers = {}): Promise<Answer> {
  const response = await app.server.inject({ method: 'POST', url, payload, headers });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}

function expectProblem(answer: Answer, code: keyof typeof STATUS_OF_CODE): void {
  expect(answer.body).toEqual({
    type: `urn:cv-inference:error:${code}`,
    title: expect.any(String),
    status: STATUS_OF_CODE[code],
    detail: expect.stringMatching(/^[A-Z"/\d].{10,}[.]$/),
    code,
    request_id: answer.headers['x-request-id'],
  });
  expect(answer.status).toBe(STATUS_OF_CODE[code]);
  expect(answer.headers['content-type']).toBe('application/problem+json');
}

/** Waits until a metric has a value. */
async function untilMetric(app: App, name: string, value: number): Promise<void> {
  while ((await metricOf(app, name)) !== value) await settle();
}

async function metricOf(app: App, name: string): Promise<number | undefined> {
  return parseMetrics((await app.server.inject('/metrics')).body).get(name);
}

const meanColourApps = new SharedApps();

describe('bad requests', () => {
  it.each<[string, keyof typeof STATUS_OF_CODE, string, Buffer | object, Record<string, string>]>([
    ['an empty body', 'IMAGE_MISSING', '/predict', Buffer.alloc(0), PNG],
    ['JSON without an image', 'IMAGE_MISSING', '/predict', { picture: 'x' }, {}],
    ['an empty list of images', 'IMAGE_MISSING', '/predict/batch', { images: [] }, {}],
    [
      'JSON that is none',
      'REQUEST_INVALID',
      '/predict',
      Buffer.from('{'),
      { 'content-type': 'application/json' },
    ],
    ['an image that is a number', 'REQUEST_INVALID', '/predict', { image: 7 }, {}],
    ['text that is not base64', 'REQUEST_INVALID', '/predict', { image: 'ä ö ü' }, {}],
    ['the address of an image', 'REQUEST_INVALID', '/predict', { image: 'https://example.com/7.png' }, {}],
    ['top_k=0', 'REQUEST_INVALID', '/predict?top_k=0', Buffer.from('x'), PNG],
    ['an unknown query parameter', 'REQUEST_INVALID', '/predict?topk=1', Buffer.from('x'), PNG],
    [
      'a compressed body',
      'REQUEST_INVALID',
      '/predict',
      Buffer.from('x'),
      { ...PNG, 'content-encoding': 'gzip' },
    ],
    ['a batch as raw body', 'IMAGE_TYPE_UNSUPPORTED', '/predict/batch', Buffer.from('x'), PNG],
    [
      'a body that says it is text',
      'IMAGE_TYPE_UNSUPPORTED',
      '/predict',
      Buffer.from('x'),
      { 'content-type': 'text/html' },
    ],
    [
      'SVG',
      'IMAGE_TYPE_UNSUPPORTED',
      '/predict',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      PNG,
    ],
    ['PDF', 'IMAGE_TYPE_UNSUPPORTED', '/predict', Buffer.from('%PDF-1.7 ...'), PNG],
    [
      'a format that is not enabled',
      'IMAGE_TYPE_UNSUPPORTED',
      '/predict',
      Buffer.from('GIF89a..........'),
      PNG,
    ],
    [
      'a header without an image',
      'IMAGE_UNDECODABLE',
      '/predict',
      Buffer.from([0xff, 0xd8, 0xff, 0xe0]),
      PNG,
    ],
  ])('%s: %s', async (_, code, url, payload, headers) => {
    expectProblem(await post(await meanColourApps.get(), url, payload, headers), code);
  });

  it('a form with another field: IMAGE_MISSING, naming what was found', async () => {
    const form = multipart([{ field: 'photo', bytes: await plainPng(GREY) }]);
    const answer = await post(await meanColourApps.get(), '/predict', form.payload, form.headers);
    expectProblem(answer, 'IMAGE_MISSING');
    expect(JSON.stringify(answer.body)).toContain('photo');
  });

  it('two files for /predict: REQUEST_INVALID', async () => {
    const image = await plainPng(GREY);
    const form = multipart([
      { field: 'file', bytes: image },
      { field: 'file', bytes: image },
    ]);
    expectProblem(
      await post(await meanColourApps.get(), '/predict', form.payload, form.headers),
      'REQUEST_INVALID',
    );
  });

  it('too many bytes: IMAGE_TOO_LARGE, whichever way they come', async () => {
    const app = await meanColourApps.get({ MAX_IMAGE_BYTES: '500' });
    const large = Buffer.alloc(501);
    const form = multipart([{ field: 'file', bytes: large }]);
    expectProblem(await post(app, '/predict', large, PNG), 'IMAGE_TOO_LARGE');
    expectProblem(await post(app, '/predict', form.payload, form.headers), 'IMAGE_TOO_LARGE');
    expectProblem(await post(app, '/predict', { image: large.toString('base64') }), 'IMAGE_TOO_LARGE');
    const document = await post(app, '/predict', { image: 'A'.repeat(100_000) });
    expectProblem(document, 'IMAGE_TOO_LARGE');
    expect(JSON.stringify(document.body)).toContain(' 500 bytes');
  });

  it('too many pixels: IMAGE_DIMENSIONS_EXCEEDED', async () => {
    const app = await meanColourApps.get({ MAX_IMAGE_PIXELS: '63' });
    expectProblem(await post(app, '/predict', await plainPng(GREY), PNG), 'IMAGE_DIMENSIONS_EXCEEDED');
  });

  it('too many images, and too many bytes of them: BATCH_TOO_LARGE', async () => {
    const app = await meanColourApps.get({
      MAX_BATCH_IMAGES: '2',
      MAX_IMAGE_BYTES: '500',
      MAX_BATCH_BYTES: '600',
    });
    const image = await plainPng(GREY);
    const three = multipart([1, 2, 3].map(() => ({ field: 'files', bytes: image })));
    const heavy = multipart([1, 2].map(() => ({ field: 'files', bytes: Buffer.alloc(400) })));
    expectProblem(await post(app, '/predict/batch', three.payload, three.headers), 'BATCH_TOO_LARGE');
    expectProblem(await post(app, '/predict/batch', heavy.payload, heavy.headers), 'BATCH_TOO_LARGE');
    expectProblem(await post(app, '/predict/batch', { images: ['AAAA', 'AAAA', 'AAAA'] }), 'BATCH_TOO_LARGE');
  });

  it('another path or method: NOT_FOUND and METHOD_NOT_ALLOWED', async () => {
    const app = await meanColourApps.get();
    expectProblem(await post(app, '/predictions', {}), 'NOT_FOUND');
    expectProblem(await post(app, '/health', {}), 'METHOD_NOT_ALLOWED');
  });
});

describe('access', () => {
  it('without the key: UNAUTHORIZED; with any of them: the answer; probes stay open', async () => {
    const app = await meanColourApps.get({ API_KEYS: 'old-key,new-key' });
    const image = await plainPng(GREY);
    expectProblem(await post(app, '/predict', image, PNG), 'UNAUTHORIZED');
    expectProblem(await post(app, '/predict', image, { ...PNG, 'x-api-key': 'old-kez' }), 'UNAUTHORIZED');
    expect((await post(app, '/predict', image, { ...PNG, 'x-api-key': 'old-key' })).status).toBe(200);
    expect((await post(app, '/predict', image, { ...PNG, authorization: 'Bearer new-key' })).status).toBe(
      200,
    );
    for (const url of ['/health', '/ready', '/metrics']) {
      expect((await app.server.inject(url)).statusCode).toBe(200);
    }
  });

  it('beyond the rate limit: RATE_LIMITED, whatever address the client makes up behind the proxy', async () => {
    const app = await meanColourApps.get({ RATE_LIMIT_PER_MINUTE: '1', TRUST_PROXY_HOPS: '1' });
    const from = (forwarded: string) =>
      post(app, '/predict', image, { ...PNG, 'x-forwarded-for': forwarded });
    const image = await plainPng(GREY);
    expect((await from('198.51.100.7')).status).toBe(200);
    expectProblem(await from('203.0.113.1, 198.51.100.7'), 'RATE_LIMITED');
    expect((await from('198.51.100.8')).status).toBe(200);
  });

  it('beyond the rate limit: RATE_LIMITED with Retry-After, each client for itself', async () => {
    const app = await meanColourApps.get({ RATE_LIMIT_PER_MINUTE: '2', API_KEYS: 'a,b' });
    const image = await plainPng(GREY);
    const from = (key: string) => post(app, '/predict', image, { ...PNG, 'x-api-key': key });
    expect((await from('a')).status).toBe(200);
    expect((await from('a')).status).toBe(200);
    const refused = await from('a');
    expectProblem(refused, 'RATE_LIMITED');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await from('b')).status).toBe(200);
  });
});

describe('limits of the pod', () => {
  let app: App;
  let image: Buffer;
  beforeAll(async () => {
    image = await plainPng(GREY);
  });

  it('more images than it takes: OVERLOADED, exactly those, with Retry-After', async () => {
    app = await startApp({
      WORKERS: '1',
      MAX_IN_FLIGHT_IMAGES: '3',
      MAX_BATCH_IMAGES: '3',
      MODEL_URI: await writeModelFolder(slowModel(256, 20)),
    });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(app, '/predict', image, PNG)));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(7);
    for (const answer of refused) {
      expectProblem(answer, 'OVERLOADED');
      expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    }
    expect(await metricOf(app, 'cv_rejections_total{code="OVERLOADED"}')).toBe(7);
    expect(await metricOf(app, 'cv_images_total{outcome="ok"}')).toBe(3);
  });

  it('a deadline that passes: DEADLINE_EXCEEDED, the server’s own or the client’s lower one', async () => {
    const slow = await writeModelFolder(slowModel(512, 100));
    const patient = await startApp({ WORKERS: '1', MODEL_URI: slow });
    const hurried = await startApp({ WORKERS: '1', MODEL_URI: slow, REQUEST_TIMEOUT_MS: '30' });
    expectProblem(
      await post(patient, '/predict', image, { ...PNG, 'x-request-timeout-ms': '20' }),
      'DEADLINE_EXCEEDED',
    );
    expectProblem(
      await post(hurried, '/predict', image, { ...PNG, 'x-request-timeout-ms': '60000' }),
      'DEADLINE_EXCEEDED',
    );
    expectProblem(
      await post(patient, '/predict', image, { ...PNG, 'x-request-timeout-ms': 'soon' }),
      'REQUEST_INVALID',
    );
  });

  it('a thread that dies: WORKER_LOST, then it works again', async () => {
    const threads = watchThreads();
    const lossy = await meanColourApps.get({
      MAX_BATCH_SIZE: '1',
      MODEL_URI: await writeModelFolder(slowModel(512, 60)),
    });
    const first = post(lossy, '/predict', image, PNG);
    const second = post(lossy, '/predict', image, PNG);
    await untilMetric(lossy, 'cv_batch_size_images_count', 1);
    crash(threads[0]);
    // At once: its successor is ready a moment later.
    await once(threads[0] as Worker, 'error');
    const [ready, metrics] = await Promise.all(['/ready', '/metrics'].map((url) => lossy.server.inject(url)));
    expect(ready?.statusCode).toBe(503);
    expect(metrics?.body).toContain('cv_ready 0');
    const statuses = [await first, await second].sort((a, b) => a.status - b.status);
    expect(statuses[0]?.status).toBe(200);
    if (statuses[1]) expectProblem(statuses[1], 'WORKER_LOST');
    await untilMetric(lossy, 'cv_inference_slots', 1);
    expect((await lossy.server.inject('/ready')).statusCode).toBe(200);
    expect((await post(lossy, '/predict', image, PNG)).status).toBe(200);
    expect(await metricOf(lossy, 'cv_worker_restarts_total{reason="failed"}')).toBe(1);
  });

  it('before the model is loaded: NOT_READY, alive all the same', async () => {
    const starting = await createAppFor({ MODEL_URI: await writeModelFolder(meanColourModel()) });
    expectProblem(await post(starting, '/predict', image, PNG), 'NOT_READY');
    expect((await starting.server.inject('/ready')).statusCode).toBe(503);
    expect((await starting.server.inject('/model')).statusCode).toBe(503);
    expect((await starting.server.inject('/health')).statusCode).toBe(200);
  });

  it('while shutting down: SHUTTING_DOWN', async () => {
    const stopping = await startApp({ MODEL_URI: await writeModelFolder(meanColourModel()) });
    await stopping.lifecycle.drain({
      delayMs: 0,
      timeoutMs: 1000,
      resources: [],
      abort: new AbortController().signal,
    });
    expectProblem(await post(stopping, '/predict', image, PNG), 'SHUTTING_DOWN');
    expect((await stopping.server.inject('/ready')).statusCode).toBe(503);
    expect((await stopping.server.inject('/health')).statusCode).toBe(200);
  });
});

describe('formats by configuration', () => {
  it('decodes GIF and TIFF where they are enabled', async () => {
    const app = await meanColourApps.get({ IMAGE_FORMATS: 'gif,tiff' });
    const image = sharp({ create: { width: 8, height: 8, channels: 3, background: GREY } });
    const gif = await post(app, '/predict', await image.clone().gif().toBuffer(), PNG);
    const tiff = await post(app, '/predict', await image.clone().tiff().toBuffer(), PNG);
    expect([gif.status, tiff.status]).toEqual([200, 200]);
    expectProblem(await post(app, '/predict', await plainPng(GREY), PNG), 'IMAGE_TYPE_UNSUPPORTED');
  });
});
