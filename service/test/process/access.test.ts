import { beforeAll, describe, expect, it } from 'vitest';
import { type Answer, expectProblem, predict, send } from '../support/answers.js';
import { plainPng } from '../support/images.js';
import { readMetric } from '../support/metrics.js';
import { meanColourModel, writeModelFolder } from '../support/models.js';
import { type ServiceProcess, startService, startSharedService } from '../support/service-process.js';

const SHOP = 'https://shop.example';

let image: Buffer;
beforeAll(async () => {
  image = await plainPng({ r: 10, g: 20, b: 30 });
});

describe('API keys', () => {
  it('all open the API; probes need none; anything else is refused', async () => {
    const folder = await writeModelFolder(meanColourModel());
    const service = await startService({
      MODEL_URI: folder,
      API_KEYS: 'old-key, new-key',
    });
    for (const key of ['old-key', 'new-key']) {
      expect((await predict(service.url, image, { authorization: `Bearer ${key}` })).status).toBe(200);
      expect((await predict(service.url, image, { 'x-api-key': key })).status).toBe(200);
    }
    const wrong = ['', 'old-key,new-key', 'old-ke', 'old-key0'];
    for (const key of wrong) expectRefused(await predict(service.url, image, { 'x-api-key': key }));
    expectRefused(await predict(service.url, image, { authorization: 'Basic b2xkLWtleTo=' }));
    for (const path of ['/predict/batch', '/model', '/docs/', '/openapi.json', '/nowhere']) {
      expectRefused(await send(service.url, path, { body: 'x' }));
    }
    for (const path of ['/health', '/ready', '/metrics']) {
      expect((await send(service.url, path)).status).toBe(200);
    }
  });

  function expectRefused(answer: Answer): void {
    expectProblem(answer, 'UNAUTHORIZED');
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  }

  it('that are wrong are limited by address, and /metrics can be closed with the right ones', async () => {
    const service = await startService({
      MODEL_URI: await writeModelFolder(meanColourModel()),
      API_KEYS: 'right',
      METRICS_REQUIRE_KEY: 'true',
    });
    const right = { 'x-api-key': 'right' };
    expectRefused(await send(service.url, '/metrics'));
    expect((await send(service.url, '/metrics', { headers: right })).status).toBe(200);
    const answers: Answer[] = [];
    for (let tries = 0; tries < 25; tries++) {
      answers.push(await send(service.url, '/model', { headers: { 'x-api-key': `guess-${tries}` } }));
    }
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(20);
    for (const answer of answers.slice(20)) expectProblem(answer, 'RATE_LIMITED');
    expect((await predict(service.url, image, right)).status).toBe(200);
  });
});

describe('the rate limit', () => {
  it('counts each client for itself, and neither probes nor descriptions', async () => {
    const service = await startService({
      MODEL_URI: await writeModelFolder(meanColourModel()),
      API_KEYS: 'ada,grace',
      RATE_LIMIT_PER_MINUTE: '3',
    });
    const as = (key: string) => predict(service.url, image, { 'x-api-key': key });
    for (const path of ['/health', '/model', '/health', '/model']) {
      expect((await send(service.url, path, { headers: { 'x-api-key': 'ada' } })).status).toBe(200);
    }
    const answers = await Promise.all([as('ada'), as('ada'), as('ada'), as('ada'), as('ada'), as('grace')]);
    const refused = answers.filter((answer) => answer.status !== 200);
    expect(refused).toHaveLength(2);
    for (const answer of refused) {
      expectProblem(answer, 'RATE_LIMITED');
      expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(60);
    }
    expect(await readMetric(service.url, 'cv_rejections_total{code="RATE_LIMITED"}')).toBe(2);
    expect(await readMetric(service.url, 'cv_in_flight_images')).toBe(0);
  });
});

describe('browsers', () => {
  const preflight = (url: string, origin: string): Promise<Answer> =>
    send(url, '/predict', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });

  it('may not call from anywhere by default, and are kept from guessing what an answer is', async () => {
    const service = await startService({ MODEL_URI: await writeModelFolder(meanColourModel()) });
    for (const any of [await predict(service.url, image), await send(service.url, '/nowhere')]) {
      expect(any.headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'strict-transport-security': expect.stringMatching(/^max-age=\d+/),
        'referrer-policy': 'no-referrer',
      });
      expect(any.headers).not.toHaveProperty('x-powered-by');
      expect(any.headers).not.toHaveProperty('server');
    }
    const answer = await predict(service.url, image, { origin: SHOP });
    expect(answer.status).toBe(200);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    expectProblem(await preflight(service.url, SHOP), 'METHOD_NOT_ALLOWED');
  });

  describe('with CORS_ORIGINS', () => {
    let service: ServiceProcess;
    beforeAll(async () => {
      const shared = await startSharedService(meanColourModel(), {
        CORS_ORIGINS: `${SHOP},https://lab.example`,
        API_KEYS: 'key',
      });
      service = shared.service;
      return shared.end;
    });

    it.each([SHOP, 'https://lab.example'])('may call from %s, and see its errors', async (origin) => {
      const asked = await preflight(service.url, origin);
      expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([204, origin]);
      const answer = await predict(service.url, image, { origin, 'x-api-key': 'key' });
      expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([200, origin]);
      expect(answer.headers['access-control-expose-headers']?.split(', ').sort()).toEqual([
        'retry-after',
        'server-timing',
        'traceparent',
        'x-request-id',
      ]);
      const refused = await predict(service.url, image, { origin });
      expectProblem(refused, 'UNAUTHORIZED');
      expect(refused.headers['access-control-allow-origin']).toBe(origin);
    });

    it.each(['https://shop.example.evil', 'http://shop.example', 'null'])(
      'may not from %s',
      async (origin) => {
        expect((await preflight(service.url, origin)).headers).not.toHaveProperty(
          'access-control-allow-origin',
        );
      },
    );
  });
});
