import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { App } from '../../app.js';
import { startApp } from '../support/app.js';
import { BOX_MANIFEST, instanceModel } from '../support/box-model.js';
import { multipart, plainPng } from '../support/images.js';
import { folderAround, MEAN_COLOUR_MANIFEST, meanColourModel, writeModelFolder } from '../support/models.js';
import type { OnnxModel } from '../support/onnx.js';

/** Its means are 0.2, 0.4 and 0.4. */
const COLOUR = { r: 51, g: 102, b: 102 };
const VECTOR = [0.2, 0.4, 0.4];

/** The model of mean colours, as something else than a classifier. */
async function startAs(manifest: object, files: Record<string, Uint8Array> = {}): Promise<App> {
  const { output: _, ...rest } = MEAN_COLOUR_MANIFEST;
  const MODEL_URI = await writeModelFolder(meanColourModel(), { ...rest, ...manifest }, undefined, files);
  return startApp({ MODEL_URI });
}

async function ask(app: App, payload: Buffer, query = '') {
  return (await app.server.inject({ method: 'POST', url: `/predict${query}`, payload })).json();
}

async function fieldsInDocument(app: App): Promise<string[]> {
  const document = (await app.server.inject('/openapi.json')).json();
  const { schema } = document.paths['/predict'].post.responses[200].content['application/json'];
  return Object.keys(schema.properties);
}

const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 5));

describe('an embedding', () => {
  it('is a vector for each image, as numbers or as bytes', async () => {
    const app = await startAs({ task: 'embedding', output: { name: 'scores' } });
    const image = await plainPng(COLOUR);
    const answer = await ask(app, image);
    expect(answer).toMatchObject({ task: 'embedding', dimensions: 3, embedding: close(VECTOR) });
    expect(Object.keys(answer)).toEqual(await fieldsInDocument(app));
    const bytes = Buffer.from((await ask(app, image, '?encoding=base64')).embedding, 'base64');
    expect([0, 4, 8].map((at) => bytes.readFloatLE(at))).toEqual(close(VECTOR));
    expect(await ask(app, image, '?top_k=1')).toMatchObject({ code: 'REQUEST_INVALID' });
  });

  it('has length 1 where the manifest says so, in a batch as well', async () => {
    const app = await startAs({ task: 'embedding', output: { name: 'scores', normalize: true } });
    const bytes = await plainPng(COLOUR);
    const form = multipart([{ field: 'files', bytes }]);
    const answer = await app.server.inject({ method: 'POST', url: '/predict/batch', ...form });
    expect(answer.json().results[0].embedding).toEqual(close([1 / 3, 2 / 3, 2 / 3]));
  });

  it('has to agree with the golden ones before it is served', async () => {
    const files = { 'golden.png': await plainPng(COLOUR) };
    const golden = (embedding: number[]) => [{ file: 'golden.png', embedding }];
    const manifest = { task: 'embedding', output: { name: 'scores' } };
    await startAs({ ...manifest, golden: golden(VECTOR) }, files);
    await expect(startAs({ ...manifest, golden: golden([1, 0, 0]) }, files)).rejects.toMatchObject({
      code: 'MODEL_GOLDEN_MISMATCH',
    });
  });
});

describe('a segmentation', () => {
  it('is a mask over the image as a person sees it, whose PNG any reader takes', async () => {
    // The picture itself as scores: class 0 where it is red, 1 where green, 2 where blue.
    const model: OnnxModel = {
      inputs: [{ name: 'image', shape: ['batch', 3, 4, 4] }],
      outputs: [{ name: 'logits', shape: ['batch', 3, 4, 4] }],
      nodes: [{ op: 'Relu', inputs: ['image'], outputs: ['logits'] }],
    };
    const manifest = {
      ...MEAN_COLOUR_MANIFEST,
      task: 'segmentation',
      output: { labels: ['red', 'green', 'blue'] },
    };
    const app = await startApp({ MODEL_URI: await writeModelFolder(model, manifest) });
    const answer = await ask(app, await plainPng({ r: 0, g: 200, b: 9 }, 40, 20));
    expect(Object.keys(answer)).toEqual(await fieldsInDocument(app));
    expect(answer.classes).toEqual([{ label: 'green', class_id: 1, share: 1 }]);
    const { data, info } = await sharp(Buffer.from(answer.mask.png, 'base64'))
      .extractChannel(0)
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, new Set(data)]).toEqual([40, 20, new Set([1])]);
  });
});

describe('a segmentation on a coarser grid, as SegFormer’s', () => {
  it('puts the edge between two classes where their scores meet, not where cells end', async () => {
    // Means of 4x4 pixels as scores: a quarter of the input along each side.
    const model: OnnxModel = {
      inputs: [{ name: 'pixel_values', shape: ['batch', 3, 32, 32] }],
      outputs: [{ name: 'logits', shape: ['batch', 3, 8, 8] }],
      nodes: [
        {
          op: 'AveragePool',
          inputs: ['pixel_values'],
          outputs: ['logits'],
          attributes: { kernel_shape: [4, 4], strides: [4, 4] },
        },
      ],
    };
    const { output: _, ...manifest } = MEAN_COLOUR_MANIFEST;
    const app = await startApp({
      MODEL_URI: await writeModelFolder(model, { ...manifest, task: 'segmentation' }),
    });
    // Red up to a line in the middle of a cell, then blue.
    const red = { r: 255, g: 0, b: 0 };
    const blue = await plainPng({ r: 0, g: 0, b: 255 }, 14, 32);
    const image = await sharp(await plainPng(red, 32, 32))
      .composite([{ input: blue, left: 18, top: 0 }])
      .png()
      .toBuffer();
    const { mask, classes } = await ask(app, image);
    const pixels = await sharp(Buffer.from(mask.png, 'base64')).extractChannel(0).raw().toBuffer();
    expect([...pixels.subarray(0, 32)]).toEqual([...new Array(18).fill(0), ...new Array(14).fill(2)]);
    expect(classes).toMatchObject([{ share: 18 / 32 }, { share: 14 / 32 }]);
  });
});

describe('instances', () => {
  it('are objects with masks, in a batch as well', async () => {
    const manifest = { ...BOX_MANIFEST, task: 'instance-segmentation', output: { labels: ['cat', 'dog'] } };
    const app = await startApp({ MODEL_URI: await writeModelFolder(instanceModel(), manifest) });
    const image = await plainPng(COLOUR, 128, 128);
    const answer = await ask(app, image, '?classes=dog');
    expect(Object.keys(answer)).toEqual(await fieldsInDocument(app));
    const box = { x_min: 0, y_min: 0, x_max: 64, y_max: 128 };
    expect(answer.predictions).toMatchObject([
      { label: 'dog', score: 0.9, box, area: 64 * 64, mask: { box, width: 64, height: 128 } },
    ]);
    const { data, info } = await sharp(Buffer.from(answer.predictions[0].mask.png, 'base64'))
      .extractChannel(0)
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height, data[0], data.at(-1)]).toEqual([64, 128, 255, 0]);
    const form = multipart([
      { field: 'files', bytes: image },
      { field: 'files', bytes: image },
    ]);
    const { results } = (await app.server.inject({ method: 'POST', url: '/predict/batch', ...form })).json();
    expect(results.map(({ predictions }: { predictions: unknown[] }) => predictions.length)).toEqual([2, 2]);
    expect(await ask(app, image, '?mask_size=0')).toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

describe('raw outputs', () => {
  it('are what the model gives', async () => {
    const app = await startAs({ task: 'raw' });
    const answer = await ask(app, await plainPng(COLOUR));
    expect(answer.outputs).toEqual([{ name: 'scores', type: 'float32', shape: [3], data: close(VECTOR) }]);
    expect(Object.keys(answer)).toEqual(await fieldsInDocument(app));
  });
});

const data = process.env['CV_TEST_DATA'] ?? '';
type Face = Record<
  'right_eye' | 'left_eye' | 'nose' | 'right_mouth_corner',
  { readonly x: number; readonly y: number }
>;

describe.skipIf(data === '')('YuNet (skipped unless CV_TEST_DATA is set)', () => {
  it('finds the large faces of a photograph, with eyes above the mouth', async () => {
    const folder = await folderAround(join(data, 'models/yunet/yunet_n_320_320.onnx'), {
      task: 'keypoints',
      input: {
        channels: 'bgr',
        resize: { rule: 'letterbox', filter: 'opencv-linear', position: 'top-left' },
        scale: 1,
      },
      output: { labels: ['face'], threshold: 0.6 },
    });
    const app = await startApp({ MODEL_URI: folder });
    const { predictions } = await ask(app, await readFile(join(data, 'images/faces-1.jpg')));
    expect(predictions.length).toBeGreaterThan(10);
    for (const { box, points } of predictions) {
      const at = Object.fromEntries(points.map((point: { name: string }) => [point.name, point])) as Face;
      expect(at.right_eye.y).toBeLessThan(at.right_mouth_corner.y);
      expect(at.right_eye.x).toBeLessThan(at.left_eye.x);
      expect(at.nose.x).toBeGreaterThan(box.x_min);
      expect(at.nose.x).toBeLessThan(box.x_max);
    }
  });
});
