import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { App } from '../../app.js';
import { overlap } from '../../tasks/detection/suppression.js';
import type { Detection } from '../../tasks/detection.js';
import { SharedApps, startApp } from '../support/app.js';
import { BOX_MANIFEST, boxModel, torchvisionModel } from '../support/box-model.js';
import { multipart, plainPng } from '../support/images.js';
import { parseMetrics } from '../support/metrics.js';
import { folderAround, temporaryFolder, writeModelFolder } from '../support/models.js';

const GREY = { r: 90, g: 90, b: 90 };
/** In a 64x64 tensor; of an image of 128x64 the middle 32 rows are picture. */
const MODEL = boxModel([
  [0, 16, 32, 48, 0.9, 1],
  [32, 16, 64, 32, 0.6, 0],
  [-10, 0, 20, 64, 0.5, 0],
  [8, 0, 20, 12, 0.45, 0],
  [10, 20, 20, 30, 0.2, 0],
  [0, 0, 0, 0, 0, 0],
]);
const DOG = { label: 'dog', class_id: 1, score: 0.9, box: { x_min: 0, y_min: 0, x_max: 64, y_max: 64 } };
const CAT = { label: 'cat', class_id: 0, score: 0.6, box: { x_min: 64, y_min: 0, x_max: 128, y_max: 32 } };
/** Clipped to the image. */
const CLIPPED = { label: 'cat', class_id: 0, score: 0.5, box: { x_min: 0, y_min: 0, x_max: 40, y_max: 64 } };

const apps = new SharedApps(MODEL, BOX_MANIFEST);

async function startBoxes(manifest: object = {}, files: Record<string, Uint8Array> = {}): Promise<App> {
  const MODEL_URI = await writeModelFolder(MODEL, { ...BOX_MANIFEST, ...manifest }, undefined, files);
  return startApp({ MODEL_URI });
}

async function ask(app: App, payload: Buffer, query = '') {
  return (await app.server.inject({ method: 'POST', url: `/predict${query}`, payload })).json();
}

describe('a detector', () => {
  it('answers with boxes in pixels of the image, letterbox undone; nothing that lies in the padding', async () => {
    const app = await apps.get();
    const answer = await ask(app, await plainPng(GREY, 128, 64));
    expect(answer).toMatchObject({ task: 'detection', image: { width: 128, height: 64 } });
    expect(answer.predictions).toEqual([DOG, CAT, CLIPPED]);
  });

  it('answers in pixels of the image as a person sees it', async () => {
    const app = await apps.get();
    const upright = await sharp(await plainPng(GREY, 128, 64))
      .jpeg()
      .toBuffer();
    const onItsSide = await sharp(await plainPng(GREY, 64, 128))
      .jpeg()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    expect((await ask(app, onItsSide)).predictions).toEqual((await ask(app, upright)).predictions);
  });

  it('answers in the same pixels where large JPEGs are decoded at a fraction of their size', async () => {
    const app = await startBoxes({ input: { ...BOX_MANIFEST.input, accuracy: 'fast' } });
    const upright = sharp(await plainPng(GREY, 1280, 640));
    for (const progressive of [false, true]) {
      const answer = await ask(app, await upright.clone().jpeg({ progressive }).toBuffer());
      expect(answer.image).toMatchObject({ width: 1280, height: 640 });
      expect(answer.predictions[1].box).toEqual({ x_min: 640, y_min: 0, x_max: 1280, y_max: 320 });
    }
  });

  it('gives each image of a batch its own boxes', async () => {
    const app = await apps.get();
    const images = [await plainPng(GREY, 128, 64), await plainPng(GREY, 64, 64)];
    const form = multipart(images.map((bytes) => ({ field: 'files', bytes })));
    const answer = await app.server.inject({ method: 'POST', url: '/predict/batch', ...form });
    const [first, second] = answer.json().results;
    expect(first.predictions[0]).toEqual(DOG);
    expect(second.predictions[0].box).toEqual({ x_min: 0, y_min: 16, x_max: 32, y_max: 48 });
  });

  it.each([
    ['?threshold=0.55', ['dog', 'cat']],
    ['?max_detections=1', ['dog']],
    ['?classes=cat', ['cat', 'cat']],
    ['?classes=cat&classes=dog&max_detections=2', ['dog', 'cat']],
    ['?threshold=1', []],
  ])('gives what %s asks for', async (query, labels) => {
    const { predictions } = await ask(await apps.get(), await plainPng(GREY, 128, 64), query);
    expect(predictions.map(({ label }: Detection) => label)).toEqual(labels);
  });

  it.each([
    '?classes=horse',
    '?threshold=2',
    '?max_detections=0',
    '?max_detections=301',
    '?top_k=1',
    '?iou=0.5',
  ])('refuses %s, which is not for this model', async (query) => {
    expect(await ask(await apps.get(), await plainPng(GREY), query)).toMatchObject({
      code: 'REQUEST_INVALID',
    });
  });

  it('counts every object by its label', async () => {
    const app = await startBoxes();
    await ask(app, await plainPng(GREY, 128, 64));
    const metrics = parseMetrics((await app.server.inject('/metrics')).body);
    expect(metrics.get('cv_predictions_total{label="cat"}')).toBe(2);
    expect(metrics.get('cv_predictions_total{label="dog"}')).toBe(1);
    expect(metrics.get('cv_prediction_confidence_ratio_count')).toBe(3);
  });

  it('starts only where it finds what its golden images say', async () => {
    const files = { 'golden.png': await plainPng(GREY, 128, 64) };
    const golden = (predictions: object[]) => [{ file: 'golden.png', predictions, tolerance: 0.01 }];
    const expected = [DOG, CAT, CLIPPED].map(({ class_id: _, ...rest }) => rest);
    await startBoxes({ golden: golden(expected) }, files);
    const moved = { ...expected[0], box: { ...DOG.box, x_min: 20 } };
    for (const wrong of [[moved, ...expected.slice(1)], expected.slice(1), [...expected, moved]]) {
      await expect(startBoxes({ golden: golden(wrong) }, files)).rejects.toMatchObject({
        code: 'MODEL_GOLDEN_MISMATCH',
      });
    }
  });

  it('takes one image a run where neither its input nor its outputs have a batch', async () => {
    const model = torchvisionModel(
      [
        [0, 0, 32, 64],
        [8, 8, 16, 16],
      ],
      [2n, 1n],
      [0.9, 0.1],
    );
    const manifest = {
      ...BOX_MANIFEST,
      input: { resize: { rule: 'stretch', filter: 'bilinear' } },
      output: { labels: ['background', 'cat', 'dog'] },
    };
    const app = await startApp({ MODEL_URI: await writeModelFolder(model, manifest) });
    const images = await Promise.all([128, 64, 32].map((width) => plainPng(GREY, width, 64)));
    const form = multipart(images.map((bytes) => ({ field: 'files', bytes })));
    const { results } = (await app.server.inject({ method: 'POST', url: '/predict/batch', ...form })).json();
    expect(results.map(({ predictions }: { predictions: Detection[] }) => predictions)).toEqual(
      [64, 32, 16].map((x_max) => [
        { label: 'dog', class_id: 2, score: 0.9, box: { x_min: 0, y_min: 0, x_max, y_max: 64 } },
      ]),
    );
    expect((await app.server.inject('/model')).json()).toMatchObject({ max_batch_size: 1 });
  });

  it('is known by its outputs where nobody says what it is', async () => {
    const folder = await temporaryFolder();
    const named = await writeModelFolder(MODEL, BOX_MANIFEST);
    await writeFile(join(folder, 'finder.onnx'), await readFile(join(named, 'model.onnx')));
    const app = await startApp({ MODEL_URI: folder });
    const answer = await ask(app, await plainPng(GREY, 64, 64));
    expect(answer).toMatchObject({ task: 'detection', model: { name: 'finder' } });
    expect(answer.predictions[0]).toMatchObject({ label: 'LABEL_1', class_id: 1 });
  });
});

const data = process.env['CV_TEST_DATA'];

interface Face {
  readonly score: number;
  readonly box: readonly [xMin: number, yMin: number, xMax: number, yMax: number];
}

describe.skipIf(data === undefined)('UltraFace (skipped unless CV_TEST_DATA is set)', () => {
  it.each(['faces-1.jpg', 'faces-17.jpg', 'faces-25.jpg'])(
    'finds every face of %s that OpenCV and Python find',
    async (file) => {
      const app = await startApp({ MODEL_URI: await ultraFace(data ?? '') });
      const golden = JSON.parse(await readFile(join(data ?? '', 'golden/ultraface.json'), 'utf8'));
      const faces: readonly Face[] = golden[file].faces;
      const { predictions } = await ask(app, await readFile(join(data ?? '', 'images', file)));
      const missed = faces.filter((face) => !predictions.some((found: Detection) => agrees(face, found)));
      expect(missed).toEqual([]);
      expect(Math.abs(predictions.length - faces.length)).toBeLessThanOrEqual(1);
    },
  );
});

function ultraFace(folder: string): Promise<string> {
  return folderAround(join(folder, 'models/ultraface/version-RFB-320.onnx'), {
    task: 'detection',
    input: {
      resize: { rule: 'stretch', filter: 'opencv-linear' },
      scale: 1,
      mean: [127],
      std: [128],
    },
    output: { labels: ['face'] },
  });
}

function agrees({ score, box: [xMin, yMin, xMax, yMax] }: Face, found: Detection): boolean {
  const { x_min, y_min, x_max, y_max } = found.box;
  const rest = { score: 0, classId: 0, index: 0 };
  const expected = { xMin, yMin, xMax, yMax, ...rest };
  const given = { xMin: x_min, yMin: y_min, xMax: x_max, yMax: y_max, ...rest };
  return overlap(expected, given) >= 0.9 && Math.abs(score - found.score) <= 0.02;
}
