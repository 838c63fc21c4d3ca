import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { App } from '../../app.js';
import { OWN_MODELS } from '../../package-files.js';
import { SharedApps, startApp } from '../support/app.js';
import { multipart, plainJpeg, plainPng } from '../support/images.js';
import { parseMetrics } from '../support/metrics.js';

const REDDISH = { r: 200, g: 100, b: 50 };
const GREY = ((19_595 * 200 + 38_470 * 100 + 7471 * 50 + 32_768) >> 16) / 255;
const DIGITS = join(OWN_MODELS, 'digits/golden');

const meanColourApps = new SharedApps();

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
