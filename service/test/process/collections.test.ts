import { expect, it } from 'vitest';
import { predict } from '../support/answers.js';
import { noisyPng } from '../support/images.js';
import { readMetric } from '../support/metrics.js';
import { startService } from '../support/service-process.js';

const IMAGES = 80;
const LEAST_BYTES_BETWEEN = 20e6;

const collectionsOf = (url: string): Promise<number> =>
  readMetric(url, 'nodejs_gc_duration_seconds_count{kind="major"}');

it('collects its whole heap once for many bodies, not for every few', { timeout: 60_000 }, async () => {
  const { url } = await startService();
  const image = await noisyPng(480, 480);
  const before = await collectionsOf(url);
  for (let sent = 0; sent < IMAGES; sent++) expect((await predict(url, image)).status).toBe(200);
  const collections = (await collectionsOf(url)) - before;
  expect(collections).toBeLessThan((IMAGES * image.length) / LEAST_BYTES_BETWEEN);
});
