import { describe, expect, it } from 'vitest';
import { colourOf as drawnColourOf } from '../../drawing/colours.js';
import { startApp } from '../../test/support/app.js';
import { colourOf } from '../colours.js';
import { canBeDrawnFor, factsOf } from '../facts.js';
import { percent } from '../format.js';
import { bucketsOf, difference, quantile, readMetrics, sumOf } from '../metrics-text.js';
import { newest } from '../newest.js';
import { stagesOf } from '../service.js';
import { LANGUAGES } from '../snippets.js';
import { partsOf } from '../timing-view.js';
import { cosineOf } from '../vectors-view.js';

it('a class has the colour that it has in pictures', () => {
  for (let id = 0; id < 300; id++) expect(colourOf(id)).toEqual(drawnColourOf(id));
});

it('a share is shown as all or nothing only where it is', () => {
  expect([1, 0, 0.99994, 0.999999, 0.5, 0.0004].map(percent)).toEqual([
    '100.0 %',
    '0.0 %',
    '99.99 %',
    '99.99 %',
    '50.0 %',
    '<0.1 %',
  ]);
});

it('of what is asked for meanwhile the newest alone is done', async () => {
  const done: number[] = [];
  let value = 0;
  let release = (): void => undefined;
  const run = newest(async () => {
    done.push(value);
    await new Promise<void>((resolve) => {
      release = resolve;
    });
  });
  const ask = (wanted: number): void => {
    value = wanted;
    run();
  };
  for (const wanted of [1, 2, 3]) ask(wanted);
  release();
  await expect.poll(() => done).toEqual([1, 3]);
  release();
  ask(4);
  await expect.poll(() => done).toEqual([1, 3, 4]);
});

it('stages are read as the service writes them, and what they leave is told', () => {
  const stages = stagesOf('decode;dur=1.50, queue;dur=0.25, inference;dur=3.00');
  expect(stages.map(({ ms }) => ms)).toEqual([1.5, 0.25, 3]);
  expect(partsOf(stages, 5, 8).map(({ name, ms }) => [name, ms])).toEqual([
    ['decode', 1.5],
    ['wait', 0.25],
    ['model', 3],
    ['rest of the service', 0.25],
    ['network and browser', 3],
  ]);
  expect(stagesOf('')).toEqual([]);
});

describe('metrics', () => {
  const text = [
    '# HELP a b',
    'cv_queue_images{model="a \\"b\\" {c}"} 3',
    'd_bucket{le="0.1",route="/predict"} 5',
    'd_bucket{le="0.2",route="/predict"} 10',
    'd_bucket{le="+Inf",route="/predict"} 10',
    'd_bucket{le="+Inf",route="/other"} 99',
  ].join('\n');

  it('are read with their labels', () => {
    const lines = readMetrics(text);
    expect(lines[0]).toEqual({ name: 'cv_queue_images', labels: { model: 'a \\"b\\" {c}' }, value: 3 });
    expect(sumOf(lines, 'cv_queue_images')).toBe(3);
    expect(sumOf(lines, 'd_bucket', { route: '/other' })).toBe(99);
  });

  it('have quantiles as Prometheus computes them', () => {
    const buckets = bucketsOf(readMetrics(text), 'd', { route: '/predict' });
    expect(quantile(buckets, 0.5)).toBeCloseTo(0.1);
    expect(quantile(buckets, 0.95)).toBeCloseTo(0.19);
    expect(quantile(difference(buckets, buckets), 0.5)).toBeUndefined();
    expect(quantile(new Map(), 0.5)).toBeUndefined();
  });

  it('are those that the service has', async () => {
    const { server } = await startApp();
    const lines = readMetrics((await server.inject('/metrics')).body);
    const names = new Set(lines.map(({ name }) => name));
    for (const name of [
      'cv_ready',
      'cv_http_requests_total',
      'cv_http_request_duration_seconds_bucket',
      'cv_queue_images',
      'cv_in_flight_images',
      'process_start_time_seconds',
    ])
      expect(names).toContain(name);
  });
});

it('of a model is known what /model and the document say', async () => {
  const { server } = await startApp();
  const facts = factsOf(
    (await server.inject('/model')).json(),
    (await server.inject('/openapi.json')).json(),
  );
  expect(facts).toMatchObject({
    name: 'digits',
    task: 'classification',
    takesFeedback: false,
    needsKey: false,
  });
  expect(facts.parameters).toMatchObject([
    { name: 'top_k', kind: 'number', min: 1, max: 10, isWhole: true, initial: 3 },
    { name: 'threshold', kind: 'number', min: 0, max: 1, isWhole: false, initial: 0 },
  ]);
  expect(canBeDrawnFor(facts)).toBe(true);
  expect(canBeDrawnFor({ ...facts, input: { channels: 'rgb', width: 28, height: 28 } })).toBe(false);
  expect(canBeDrawnFor({ ...facts, input: { channels: 'grey' } })).toBe(false);
});

it('code quotes what it is given, and holds no key', () => {
  const query = new URLSearchParams([
    ['classes', "o'clock"],
    ['classes', 'b'],
    ['threshold', '0.5'],
  ]);
  const asked = { url: 'http://host/predict', query, fileName: 'a "b" $(c).png', needsKey: true };
  const [curl = '', python = '', javascript = ''] = LANGUAGES.map(({ write }) => write(asked));
  expect(curl).toContain(`'@a "b" $(c).png'`);
  expect(curl).toContain(`'http://host/predict?classes=o%27clock&classes=b&threshold=0.5'`);
  expect(python).toContain(`"http://host/predict?classes=o%27clock&classes=b&threshold=0.5"`);
  expect(javascript).toContain('"a \\"b\\" $(c).png"');
  for (const text of [curl, python, javascript]) expect(text).toMatch(/\$API_KEY|"API_KEY"|env\.API_KEY/);
});

it('vectors are compared by their direction', () => {
  expect(cosineOf([1, 0], [2, 0])).toBe(1);
  expect(cosineOf([1, 0], [0, 3])).toBe(0);
  expect(cosineOf([1, 1], [-1, -1])).toBeCloseTo(-1);
  expect(cosineOf([0, 0], [1, 1])).toBe(0);
});
