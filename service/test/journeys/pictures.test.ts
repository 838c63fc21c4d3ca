import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { App } from '../../app.js';
import { colourOf } from '../../drawing/colours.js';
import { SharedApps, startApp } from '../support/app.js';
import { BOX_MANIFEST, boxModel } from '../support/box-model.js';
import { plainJpeg, plainPng } from '../support/images.js';
import { parseMetrics } from '../support/metrics.js';
import { MEAN_COLOUR_MANIFEST, meanColourModel, writeModelFolder } from '../support/models.js';

const GREY = { r: 90, g: 90, b: 90 };
/** In a 64x64 tensor; of an image of 128x64, which is drawn four times as large, the middle 32 rows are picture. */
const MODEL = boxModel([[0, 16, 32, 48, 0.9, 1]]);
const DOG = [...colourOf(1)];
const apps = new SharedApps(MODEL, BOX_MANIFEST);

async function ask(app: App, payload: Buffer, accept: string | undefined, path = '/predict') {
  const headers = accept === undefined ? {} : { accept };
  return app.server.inject({ method: 'POST', url: path, payload, headers });
}

async function pixelsOf(file: Buffer) {
  const { data, info } = await sharp(file).raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const at = (x: number, y: number): number[] => [
    ...data.subarray((y * width + x) * channels).subarray(0, 3),
  ];
  return { width, height, channels, at };
}

/** Where the left, right and lower edges of the box are expected. */
async function expectBox(file: Buffer): Promise<void> {
  const { width, height, at } = await pixelsOf(file);
  expect([width, height]).toEqual([512, 256]);
  for (const [x, y] of [
    [1, 128],
    [254, 128],
    [128, 254],
  ] as const) {
    expect(at(x, y)).toEqual(DOG);
  }
  for (const [x, y] of [
    [128, 128],
    [400, 128],
  ] as const) {
    for (const level of at(x, y)) expect(Math.abs(level - GREY.r)).toBeLessThanOrEqual(3);
  }
}

describe('the answer is a picture', () => {
  it.each([
    ['image/png', 'png'],
    ['image/jpeg', 'jpeg'],
    ['image/webp', 'webp'],
    ['image/*', 'jpeg'],
    ['image/png;q=0.9, application/json;q=0.1', 'png'],
  ])('where the request accepts %s', async (accept, format) => {
    const answer = await ask(await apps.get(), await plainPng(GREY, 128, 64), accept);
    expect(answer.headers).toMatchObject({ 'content-type': `image/${format}`, vary: 'Accept' });
    expect(await sharp(answer.rawPayload).metadata()).toMatchObject({ format, width: 512, height: 256 });
  });

  it('with what every answer has, and the time that drawing took', async () => {
    const app = await startApp({ MODEL_URI: await writeModelFolder(MODEL, BOX_MANIFEST) });
    const image = await plainPng(GREY, 128, 64);
    await ask(app, image, 'application/json');
    const { headers } = await ask(app, image, 'image/png');
    expect(headers['x-request-id']).toMatch(/./);
    expect(headers['server-timing']).toMatch(/^decode;.*, draw;dur=[\d.]+$/);
    const metrics = parseMetrics((await app.server.inject('/metrics')).body);
    expect(metrics.get('cv_stage_duration_seconds_count{stage="draw"}')).toBe(1);
    expect(metrics.get('cv_stage_duration_seconds_count{stage="decode"}')).toBe(2);
    expect(metrics.get('cv_images_total{outcome="ok"}')).toBe(2);
    expect(metrics.get('cv_in_flight_bytes')).toBe(0);
  });

  it('of the image as a person sees it', async () => {
    const onItsSide = await sharp(await plainPng(GREY, 64, 128))
      .jpeg({ quality: 100 })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    await expectBox((await ask(await apps.get(), onItsSide, 'image/png')).rawPayload);
  });

  it.each([
    ['a plain JPEG', () => plainJpeg(GREY, 128, 64, 85)],
    [
      'transparent',
      async () =>
        sharp(await plainPng(GREY, 128, 64))
          .ensureAlpha(0.5)
          .png()
          .toBuffer(),
    ],
    [
      'grey',
      async () =>
        sharp(await plainPng(GREY, 128, 64))
          .greyscale()
          .png()
          .toBuffer(),
    ],
    [
      'of 16 bits',
      async () =>
        sharp(await plainPng(GREY, 128, 64))
          .toColourspace('rgb16')
          .png()
          .toBuffer(),
    ],
    [
      'WebP',
      async () =>
        sharp(await plainPng(GREY, 128, 64))
          .webp({ lossless: true })
          .toBuffer(),
    ],
  ])('of an image that is %s', async (_, make) => {
    const answer = await ask(await apps.get(), await make(), 'image/png');
    await expectBox(answer.rawPayload);
  });

  it('of an image in ink', async () => {
    const ink = await sharp(await plainPng(GREY, 128, 64))
      .toColourspace('cmyk')
      .jpeg({ quality: 100 })
      .toBuffer();
    const { at } = await pixelsOf((await ask(await apps.get(), ink, 'image/png')).rawPayload);
    expect(at(1, 128)).toEqual(DOG);
  });

  it('of what the query asks for', async () => {
    const answer = await ask(
      await apps.get(),
      await plainPng(GREY, 128, 64),
      'image/png',
      '/predict?threshold=1',
    );
    const { at } = await pixelsOf(answer.rawPayload);
    expect(at(1, 128)).toEqual([GREY.r, GREY.g, GREY.b]);
  });

  it('described in the document of the API', async () => {
    const document = (await (await apps.get()).server.inject('/openapi.json')).json();
    const contentOf = (path: string): string[] =>
      Object.keys(document.paths[path].post.responses[200].content);
    expect(contentOf('/predict')).toEqual(['application/json', 'image/jpeg', 'image/png', 'image/webp']);
    expect(contentOf('/predict/batch')).toEqual(['application/json']);
  });
});

describe('the answer is JSON', () => {
  it.each([undefined, '*/*', 'application/json', 'text/html', 'image/png;q=0.5, */*', 'rubbish'])(
    'where the request accepts %s',
    async (accept) => {
      const answer = await ask(await apps.get(), await plainPng(GREY, 128, 64), accept);
      expect(answer.json().predictions).toHaveLength(1);
      expect(answer.headers['vary']).toBe('Accept');
    },
  );

  it('where it is about a batch', async () => {
    const payload = Buffer.from(JSON.stringify({ images: [(await plainPng(GREY)).toString('base64')] }));
    const headers = { accept: 'image/png', 'content-type': 'application/json' };
    const answer = await (await apps.get()).server.inject({
      method: 'POST',
      url: '/predict/batch',
      payload,
      headers,
    });
    expect(answer.json().succeeded).toBe(1);
  });

  it('where something is wrong', async () => {
    const answer = await ask(await apps.get(), Buffer.from('GIF89a, but no more'), 'image/png');
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
  });
});

it('refuses with NOT_ACCEPTABLE what is no picture that can be made', async () => {
  const answer = await ask(await apps.get(), await plainPng(GREY), 'image/gif, image/avif');
  expect([answer.statusCode, answer.json().code]).toEqual([406, 'NOT_ACCEPTABLE']);
});

/** The model of mean colours, or one that gives the image back, as another task. */
async function startAs(task: string, output: object, model = meanColourModel()): Promise<App> {
  const { output: _, ...rest } = MEAN_COLOUR_MANIFEST;
  return startApp({ MODEL_URI: await writeModelFolder(model, { ...rest, task, output }) });
}

describe('a picture of', () => {
  it('a classification is the image with labels and scores below it', async () => {
    const app = await startAs('classification', { labels: ['red', 'green', 'blue'] });
    const answer = await ask(app, await plainPng(GREY, 400, 300), 'image/png');
    const { width, height, at } = await pixelsOf(answer.rawPayload);
    expect(width).toBe(400);
    expect(height).toBeGreaterThan(340);
    expect(at(200, 299)).toEqual([GREY.r, GREY.g, GREY.b]);
  });

  it('an embedding cannot be had', async () => {
    const app = await startAs('embedding', { name: 'scores' });
    const answer = await ask(app, await plainPng(GREY), 'image/png');
    expect(answer.json().code).toBe('NOT_ACCEPTABLE');
    expect((await ask(app, await plainPng(GREY), 'image/png, */*;q=0.1')).json().dimensions).toBe(3);
    const document = (await app.server.inject('/openapi.json')).json();
    expect(Object.keys(document.paths['/predict'].post.responses[200].content)).toEqual(['application/json']);
  });

  it('a segmentation is the image in the colours of its classes, or the mask itself', async () => {
    const model = {
      inputs: [{ name: 'image', shape: ['batch', 3, 4, 4] }],
      outputs: [{ name: 'logits', shape: ['batch', 3, 4, 4] }],
      nodes: [{ op: 'Relu', inputs: ['image'], outputs: ['logits'] }],
    };
    const app = await startAs('segmentation', { labels: ['background', 'green', 'blue'] }, model);
    const image = await plainPng({ r: 0, g: 200, b: 10 }, 400, 200);
    const overlay = await pixelsOf((await ask(app, image, 'image/png')).rawPayload);
    const green = colourOf(1);
    expect(overlay.at(200, 100)).toEqual(
      [0, 200, 10].map((level, at) => Math.round((level + (green[at] ?? 0)) / 2)),
    );
    expect(overlay.height).toBeGreaterThan(200);
    const { mask } = (await ask(app, image, undefined, '/predict?picture=mask')).json();
    for (const accept of ['image/png', 'image/*', 'image/webp, image/png;q=0.1']) {
      const answer = await ask(app, image, accept, '/predict?picture=mask');
      expect(answer.headers['content-type']).toBe('image/png');
      expect(answer.rawPayload).toEqual(Buffer.from(mask.png, 'base64'));
    }
    const refused = await ask(app, image, 'image/webp', '/predict?picture=mask');
    expect(refused.json().code).toBe('NOT_ACCEPTABLE');
    const untouched = await pixelsOf(
      (await ask(app, await plainPng({ r: 200, g: 0, b: 10 }, 400, 200), 'image/png')).rawPayload,
    );
    expect(untouched.at(200, 100)).toEqual([200, 0, 10]);
  });
});
