import { beforeAll, describe, expect, it } from 'vitest';
import { expectProblem, json, predict, send } from '../support/answers.js';
import { plainPng } from '../support/images.js';
import { readMetric } from '../support/metrics.js';
import { meanColourModel } from '../support/models.js';
import { type LogLine, type ServiceProcess, startSharedService } from '../support/service-process.js';

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';

let service: ServiceProcess;
let image: Buffer;

beforeAll(async () => {
  image = await plainPng({ r: 10, g: 20, b: 30 });
  const shared = await startSharedService(meanColourModel(), { MANAGEMENT_PORT: '0' });
  service = shared.service;
  return shared.end;
});

/** The log line of a request; asserts that there is only one. */
async function lineOf(requestId: string): Promise<LogLine> {
  const line = await service.logged((candidate) => candidate['request_id'] === requestId);
  expect(service.logs.filter((candidate) => candidate['request_id'] === requestId)).toHaveLength(1);
  return line;
}

describe('the management port', () => {
  it('has the probes and the metrics, and the other port has none of them', async () => {
    const paths = ['/health', '/ready', '/metrics'];
    for (const path of paths) {
      expect((await send(service.managementUrl, path)).status).toBe(200);
      expectProblem(await send(service.url, path), 'NOT_FOUND');
    }
    expectProblem(await predict(service.managementUrl, image), 'NOT_FOUND');
    expectProblem(await send(service.managementUrl, '/model'), 'NOT_FOUND');
    expectProblem(await send(service.managementUrl, '/docs/'), 'NOT_FOUND');
    expect((await send(service.url, '/model')).status).toBe(200);
  });

  it('counts what came in by the other port', async () => {
    const name = 'cv_images_total{outcome="ok"}';
    const before = await readMetric(service.managementUrl, name);
    expect((await predict(service.url, image)).status).toBe(200);
    expect(await readMetric(service.managementUrl, name)).toBe(before + 1);
  });
});

describe('the log', () => {
  it('has one line for an image that was answered: id, trace, status, stages, model', async () => {
    const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;
    await predict(service.url, image, { 'x-request-id': 'answered', traceparent });
    expect(await lineOf('answered')).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      msg: 'request',
      request_id: 'answered',
      trace_id: TRACE_ID,
      method: 'POST',
      path: '/predict',
      status: 200,
      duration_ms: expect.any(Number),
      stages_ms: {
        decode: expect.any(Number),
        queue: expect.any(Number),
        inference: expect.any(Number),
        postprocess: expect.any(Number),
      },
      model: 'mean-colour@1.0.0',
      image: { width: 8, height: 8, format: 'png' },
      bytes: image.length,
    });
  });

  it('has one line for an image that was refused: its code, and no stack', async () => {
    expectProblem(
      await predict(service.url, Buffer.from('GIF89a'), { 'x-request-id': 'refused' }),
      'IMAGE_TYPE_UNSUPPORTED',
    );
    const line = await lineOf('refused');
    expect(line).toMatchObject({ level: 'info', status: 415, code: 'IMAGE_TYPE_UNSUPPORTED' });
    expect(line).not.toHaveProperty('err');
  });

  it('says nothing of what a request carries: neither query nor body', async () => {
    await send(service.url, '/predict?private=1', {
      body: 'private',
      headers: { 'x-request-id': 'discreet' },
    });
    await lineOf('discreet');
    expect(service.lines.join('\n')).not.toContain('private');
  });

  it.each([
    ['is not one', 'traceparent', 'nonsense'],
    ['has letters in capitals', 'traceparent', `00-${TRACE_ID.toUpperCase()}-b7ad6b7169203331-01`],
  ])('has no trace id where traceparent %s', async (_, name, value) => {
    const answer = await predict(service.url, image, { [name]: value });
    expect(await lineOf(answer.headers['x-request-id'] ?? '')).not.toHaveProperty('trace_id');
  });
});

describe('x-request-id', () => {
  it.each(['order-66', 'a/b:c.d+e=f@g_h', 'x'.repeat(128)])('%s is taken over', async (id) => {
    const answer = await predict(service.url, image, { 'x-request-id': id });
    expect([answer.headers['x-request-id'], json(answer)['request_id']]).toEqual([id, id]);
  });

  it.each(['two words', '<script>', '{"json":1}', 'x'.repeat(129), ''])('%s is replaced', async (id) => {
    const answer = await predict(service.url, image, { 'x-request-id': id });
    expect(answer.headers['x-request-id']).toMatch(UUID);
    expect(json(answer)['request_id']).toBe(answer.headers['x-request-id']);
  });

  it('is made anew for every request that has none', async () => {
    const ids = await Promise.all([1, 2, 3].map(async () => (await predict(service.url, image)).headers));
    expect(new Set(ids.map((headers) => headers['x-request-id'])).size).toBe(3);
  });
});
