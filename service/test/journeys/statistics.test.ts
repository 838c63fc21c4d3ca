import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { App } from '../../app.js';
import { parseManifest } from '../../model/manifest.js';
import { OWN_MODELS } from '../../package-files.js';
import { FEATURES } from '../../statistics/features.js';
import { comparable } from '../../statistics/reference.js';
import { SharedApps, startApp } from '../support/app.js';
import { multipart, plainJpeg, plainPng } from '../support/images.js';
import { parseMetrics } from '../support/metrics.js';
import { MEAN_COLOUR_MANIFEST, meanColourModel } from '../support/models.js';

const REDDISH = { r: 200, g: 100, b: 50 };
const GREY = ((19_595 * 200 + 38_470 * 100 + 7471 * 50 + 32_768) >> 16) / 255;
const DIGITS = join(OWN_MODELS, 'digits/golden');

const meanColourApps = new SharedApps();
const REFERENCE = {
  images: 40,
  features: {
    colourfulness: { buckets: FEATURES.colourfulness.buckets, share: [0.5, 0.5, ...new Array(9).fill(0)] },
    brightness: { buckets: [0.5], share: [0.5, 0.5] },
  },
  labels: { red: 0.75, green: 0.25, blue: 0 },
};
const referredApps = new SharedApps(meanColourModel(), { ...MEAN_COLOUR_MANIFEST, reference: REFERENCE });

async function predict(app: App, payload: Buffer) {
  const { statusCode, body } = await app.server.inject({ method: 'POST', url: '/predict', payload });
  expect(statusCode, body).toBe(200);
  return body;
}

/** What metrics say since it was last asked. */
async function counted(app: App): Promise<(name: string) => number> {
  const samples = parseMetrics((await app.server.inject('/metrics')).body);
  return (name) => samples.get(name) ?? Number.NaN;
}

describe('statistics of an image', () => {
  it('are counted in one histogram each, with the size of the image as it came', async () => {
    const app = await meanColourApps.get({ INPUT_STATISTICS: 'true' });
    await predict(app, await plainPng(REDDISH, 32, 8));
    const metric = await counted(app);
    expect(metric('cv_input_brightness_ratio_sum')).toBeCloseTo(GREY, 10);
    expect(metric('cv_input_contrast_ratio_sum')).toBe(0);
    expect(metric('cv_input_contrast_ratio_count')).toBe(1);
    expect(metric('cv_input_sharpness_ratio_sum')).toBe(0);
    expect(metric('cv_input_colourfulness_ratio_sum')).toBeCloseTo((0.3 * Math.hypot(100, 100)) / 255, 10);
    expect(metric('cv_input_size_pixels_sum')).toBe(16);
    expect(metric('cv_input_aspect_ratio_sum')).toBe(4);
    expect(metric('cv_input_broken_total{reason="blank"}')).toBe(1);
  });

  it('are the same of pixels and of a file that the inference thread decodes', async () => {
    const app = await meanColourApps.get({ INPUT_STATISTICS: 'true' });
    await predict(app, await plainJpeg({ r: 90, g: 90, b: 90 }, 64, 64, 85));
    await predict(app, await plainPng({ r: 90, g: 90, b: 90 }, 64, 64));
    expect((await counted(app))('cv_input_brightness_ratio_sum')).toBeCloseTo(180 / 255, 10);
  });

  it('are counted for each image of a batch, and for none that failed', async () => {
    const app = await meanColourApps.get({ INPUT_STATISTICS: 'true' });
    const files = [await plainPng(REDDISH), Buffer.from('no image'), await plainPng({ r: 1, g: 1, b: 1 })];
    const form = multipart(files.map((bytes) => ({ field: 'files', bytes })));
    await app.server.inject({ method: 'POST', url: '/predict/batch', ...form });
    expect((await counted(app))('cv_input_brightness_ratio_count')).toBe(2);
  });

  it('are not in the answer', async () => {
    const app = await meanColourApps.get();
    expect(await predict(app, await plainPng(REDDISH))).not.toMatch(/statistics|brightness/);
  });

  it('are not taken where INPUT_STATISTICS is false; confidence is counted as ever', async () => {
    const app = await meanColourApps.get({ INPUT_STATISTICS: 'false' });
    await predict(app, await plainPng(REDDISH));
    const metric = await counted(app);
    expect(metric('cv_input_brightness_ratio_count')).toBe(0);
    expect(metric('cv_prediction_confidence_ratio_count')).toBe(1);
  });
});

it('an image that comes again is repeated, and what a model of digits answers has an entropy', async () => {
  const app = await startApp();
  const digit = await readFile(join(DIGITS, '7-blocks.png'));
  await predict(app, digit);
  await predict(app, digit);
  const metric = await counted(app);
  expect(metric('cv_input_broken_total{reason="repeated"}')).toBe(1);
  expect(metric('cv_prediction_entropy_ratio_count')).toBe(2);
  expect(metric('cv_prediction_entropy_ratio_sum')).toBeLessThan(0.01);
  expect(metric('cv_input_colourfulness_ratio_count')).toBe(0);
});

describe('the reference of a model', () => {
  it('is exported by the edges that metrics have, as they write them; what has others is not', async () => {
    const app = await referredApps.get({ INPUT_STATISTICS: 'true' });
    const { body } = await app.server.inject('/metrics');
    const shares = body.split('\n').filter((line) => line.startsWith('cv_reference_share{'));
    expect(shares.length).toBe(11);
    expect(shares[0]).toBe(
      'cv_reference_share{model="mean-colour",feature="colourfulness",above="-Inf",le="0.01"} 0.5',
    );
    expect(shares[10]).toBe(
      'cv_reference_share{model="mean-colour",feature="colourfulness",above="0.6",le="+Inf"} 0',
    );
    const metric = await counted(app);
    expect(metric('cv_reference_images')).toBe(40);
    expect(metric('cv_reference_label_share{label="green"}')).toBe(0.25);
  });

  it('is not exported where nothing is counted that could be held against it', async () => {
    const app = await referredApps.get({ INPUT_STATISTICS: 'false' });
    expect((await app.server.inject('/metrics')).body).not.toContain('cv_reference_share{');
  });

  it('comes with both models of this package, of all that they can be compared by', async () => {
    for (const name of ['digits', 'digit-finder']) {
      const path = join(OWN_MODELS, name, 'model.json');
      const { reference } = parseManifest(await readFile(path, 'utf8'), path);
      expect(reference && comparable(reference).others).toEqual([]);
      expect(Object.keys(reference?.features ?? {})).toEqual(
        expect.arrayContaining(['brightness', 'sharpness']),
      );
      expect(reference?.images).toBeGreaterThanOrEqual(600);
    }
  });
});
