import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { App } from '../../app.js';
import { encoderOf, photograph } from '../../preprocess/samples.test-support.js';
import { SharedApps, startApp } from '../support/app.js';
import { multipart, plainJpeg, plainPng } from '../support/images.js';
import { MEAN_COLOUR_MANIFEST, meanColourModel, pickyModel, writeModelFolder } from '../support/models.js';

const REDDISH = { r: 200, g: 100, b: 50 };
const BRIGHT_RED = { r: 255, g: 0, b: 0 };

const meanColourApps = new SharedApps();

async function post(app: App, url: string, payload: Buffer | object, headers: Record<string, string> = {}) {
  const response = await app.server.inject({ method: 'POST', url, payload, headers });
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}

const EXPECTED = {
  request_id: expect.any(String),
  model: { name: 'mean-colour', version: '1.0.0', digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
  task: 'classification',
  image: { width: 8, height: 8, format: 'png' },
  predictions: [
    { label: 'red', class_id: 0, score: expect.closeTo(200 / 255, 4) },
    { label: 'green', class_id: 1, score: expect.closeTo(100 / 255, 4) },
    { label: 'blue', class_id: 2, score: expect.closeTo(50 / 255, 4) },
  ],
  processing_time_ms: expect.any(Number),
  timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
};

describe('POST /predict', () => {
  it.each(['image/png', 'image/jpeg', 'application/octet-stream', 'application/x-www-form-urlencoded'])(
    'takes a raw body sent as %s and believes the bytes, not the header',
    async (type) => {
      const app = await meanColourApps.get();
      const { status, body } = await post(app, '/predict', await plainPng(REDDISH), { 'content-type': type });
      expect([status, body]).toEqual([200, EXPECTED]);
    },
  );

  it('takes a raw body without a Content-Type', async () => {
    const app = await meanColourApps.get();
    const response = await app.server.inject({
      method: 'POST',
      url: '/predict',
      payload: await plainPng(REDDISH),
      headers: { 'content-length': String((await plainPng(REDDISH)).length) },
    });
    expect([response.statusCode, response.json()]).toEqual([200, EXPECTED]);
  });

  it('takes a form with a file', async () => {
    const app = await meanColourApps.get();
    const form = multipart([{ field: 'file', bytes: await plainPng(REDDISH) }]);
    const { status, body } = await post(app, '/predict', form.payload, form.headers);
    expect([status, body]).toEqual([200, EXPECTED]);
  });

  it.each([
    ['base64', (base64: string) => base64],
    ['a data URL', (base64: string) => `data:image/png;base64,${base64}`],
    ['URL-safe base64', (base64: string) => base64.replaceAll('+', '-').replaceAll('/', '_')],
    ['base64 in lines', (base64: string) => base64.replaceAll(/.{20}/g, '$&\n')],
  ])('takes JSON with %s', async (_, encode) => {
    const app = await meanColourApps.get();
    const image = encode((await plainPng(REDDISH)).toString('base64'));
    const { status, body } = await post(app, '/predict', { image });
    expect([status, body]).toEqual([200, EXPECTED]);
  });

  it('gives the same answer for a JPEG, and says what it was', async () => {
    const app = await meanColourApps.get();
    const { body } = await post(app, '/predict', await plainJpeg(REDDISH), { 'content-type': 'image/jpeg' });
    expect(body.image).toEqual({ width: 8, height: 8, format: 'jpeg' });
    expect(body.predictions[0].score).toBeCloseTo(200 / 255, 1);
  });

  it('keeps to top_k and threshold', async () => {
    const app = await meanColourApps.get();
    const image = await plainPng(REDDISH);
    const one = await post(app, '/predict?top_k=1', image, { 'content-type': 'image/png' });
    const sure = await post(app, '/predict?threshold=0.3', image, { 'content-type': 'image/png' });
    expect(one.body.predictions).toHaveLength(1);
    expect(sure.body.predictions).toHaveLength(2);
  });

  it('gives raw scores as they are, also below zero, and holds golden images to them', async () => {
    const { input, ...rest } = MEAN_COLOUR_MANIFEST;
    const image = await plainPng(REDDISH);
    const predictions = [
      { label: 'red', score: 200 / 255 - 1 },
      { label: 'green', score: 100 / 255 - 1 },
    ];
    const folder = await writeModelFolder(meanColourModel(), {
      ...rest,
      input: { ...input, mean: [1, 1, 1] },
      golden: [{ file: 'golden.png', predictions, tolerance: 0.001 }],
    });
    await writeFile(join(folder, 'golden.png'), image);
    const app = await startApp({ WORKERS: '1', MODEL_URI: folder });
    const { body } = await post(app, '/predict', image, { 'content-type': 'image/png' });
    expect(body.predictions.map(({ score }: { score: number }) => score)).toEqual(
      [200, 100, 50].map((level) => expect.closeTo(level / 255 - 1, 4)),
    );
  });

  it('says how long each stage took, and whose request it was', async () => {
    const app = await meanColourApps.get();
    const { headers, body } = await post(app, '/predict', await plainPng(REDDISH), {
      'content-type': 'image/png',
      'x-request-id': 'abc-123',
    });
    expect(headers['server-timing']).toMatch(
      /^decode;dur=[\d.]+, queue;dur=[\d.]+, inference;dur=[\d.]+, postprocess;dur=[\d.]+$/,
    );
    expect([headers['x-request-id'], body.request_id]).toEqual(['abc-123', 'abc-123']);
  });

  it('answers INFERENCE_FAILED for an image that the model refuses, and shows no internals', async () => {
    const app = await startApp({ WORKERS: '1', MODEL_URI: await writeModelFolder(pickyModel()) });
    const { status, body } = await post(app, '/predict', await plainPng(BRIGHT_RED), {
      'content-type': 'image/png',
    });
    expect(body).toEqual({
      type: 'urn:cv-inference:error:INFERENCE_FAILED',
      title: 'Internal Server Error',
      status: 500,
      detail: expect.not.stringMatching(/gather|indices|onnx|\//i),
      code: 'INFERENCE_FAILED',
      request_id: expect.any(String),
    });
    expect(status).toBe(500);
  });
});

describe('POST /predict/batch', () => {
  it('answers for the good images and says what is wrong with the bad ones, in order', async () => {
    const app = await startApp({ WORKERS: '1', MODEL_URI: await writeModelFolder(pickyModel()) });
    const good = await plainPng(REDDISH);
    const form = multipart(
      [
        good,
        Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
        good.subarray(0, 60),
        await plainPng(BRIGHT_RED),
        good,
      ].map((bytes) => ({ field: 'files', bytes })),
    );
    const { status, body } = await post(app, '/predict/batch', form.payload, form.headers);
    expect(status).toBe(200);
    expect([body.succeeded, body.failed]).toEqual([2, 3]);
    expect(body.results.map((item: { index: number }) => item.index)).toEqual([0, 1, 2, 3, 4]);
    expect(body.results.map((item: { error?: { code: string } }) => item.error?.code)).toEqual([
      undefined,
      'IMAGE_TYPE_UNSUPPORTED',
      'IMAGE_UNDECODABLE',
      'INFERENCE_FAILED',
      undefined,
    ]);
    expect(body.results[4].predictions).toEqual(EXPECTED.predictions);
  });

  it('leaves the other JPEGs alone where some are damaged, whoever decodes them', async () => {
    // Those that are not progressive are decoded by the thread that runs the model.
    for (const progressive of [false, true]) {
      const app = await meanColourApps.get();
      const good = await encoderOf(photograph(48, 40)).jpeg({ progressive }).toBuffer();
      const files = [good, good.subarray(0, -20), good, good.subarray(0, 60)];
      const form = multipart(files.map((bytes) => ({ field: 'files', bytes })));
      const { body } = await post(app, '/predict/batch', form.payload, form.headers);
      const results = body.results as { image?: object; error?: object }[];
      const decoded = { width: 48, height: 40, format: 'jpeg' };
      expect(results.map(({ image }) => image)).toEqual([decoded, undefined, decoded, undefined]);
      const error = {
        code: 'IMAGE_UNDECODABLE',
        status: 422,
        title: 'Unprocessable Entity',
        detail: 'The JPEG file is damaged, incomplete or of a kind that cannot be decoded.',
      };
      expect(results.map((result) => result.error)).toEqual([undefined, error, undefined, error]);
    }
  });

  it('takes JSON as well', async () => {
    const app = await meanColourApps.get();
    const image = (await plainPng(REDDISH)).toString('base64');
    const { body } = await post(app, '/predict/batch', { images: [image, '***', 7, image] });
    expect(body.results.map((item: { error?: { code: string } }) => item.error?.code)).toEqual([
      undefined,
      'REQUEST_INVALID',
      'REQUEST_INVALID',
      undefined,
    ]);
  });

  it('lets one image be too large without the others', async () => {
    const app = await meanColourApps.get({ MAX_IMAGE_BYTES: '2000' });
    const form = multipart([
      { field: 'files', bytes: Buffer.alloc(2001) },
      { field: 'files', bytes: await plainPng(REDDISH) },
    ]);
    const { body } = await post(app, '/predict/batch', form.payload, form.headers);
    expect(body.results[0].error).toMatchObject({ code: 'IMAGE_TOO_LARGE', status: 413 });
    expect(body.results[1].predictions).toHaveLength(3);
  });
});

describe('batched answers', () => {
  it('equal single ones, over sizes and orders', async () => {
    const app = await meanColourApps.get({ MAX_BATCH_SIZE: '7' });
    const colours = Array.from({ length: 24 }, (_, id) => ({
      r: (id * 53) % 256,
      g: (id * 97) % 256,
      b: (id * 31) % 256,
    }));
    const images = await Promise.all(
      colours.map((colour, id) => plainPng(colour, 3 + (id % 9), 2 + (id % 13))),
    );
    const single: unknown[] = [];
    for (const image of images) {
      single.push((await post(app, '/predict', image, { 'content-type': 'image/png' })).body.predictions);
    }
    for (const step of [1, 5, 7, 11]) {
      const order = images.map((_, index) => (index * step) % images.length);
      const form = multipart(order.map((id) => ({ field: 'files', bytes: images[id] ?? Buffer.alloc(0) })));
      const { body } = await post(app, '/predict/batch', form.payload, form.headers);
      expect(body.results.map((item: { predictions: unknown }) => item.predictions)).toEqual(
        order.map((id) => single[id]),
      );
    }
  });
});

describe('a model whose batch is fixed', () => {
  it('serves singles and batches alike', async () => {
    const app = await startApp({ WORKERS: '1', MODEL_URI: await writeModelFolder(meanColourModel(2)) });
    const image = await plainPng(REDDISH);
    const form = multipart([1, 2, 3].map(() => ({ field: 'files', bytes: image })));
    const one = await post(app, '/predict', image, { 'content-type': 'image/png' });
    const three = await post(app, '/predict/batch', form.payload, form.headers);
    expect(one.body.predictions).toEqual(EXPECTED.predictions);
    expect(three.body.succeeded).toBe(3);
  });
});
