import { describe, expect, it } from 'vitest';
import { createAppFor, SharedApps, startApp } from '../test/support/app.js';
import { Metrics } from './metrics.js';

const IMAGE = { width: 1, height: 1, format: 'png' };

describe('metrics', () => {
  it('have a bucket that ends at the latency objective, so that it is counted and not estimated', async () => {
    const metrics = new Metrics();
    metrics.startRoute('POST', '/predict', [200]);
    const text = await metrics.text();
    expect(text).toContain('cv_http_request_duration_seconds_bucket{le="0.5",');
  });

  it('have every answer of the predict routes at 0 before the first request', async () => {
    const app = await createAppFor();
    const text = (await app.server.inject('/metrics')).body;
    for (const route of ['/predict', '/predict/batch']) {
      for (const status of ['200', '429', '499', '500', '503', '504']) {
        expect(text).toContain(
          `cv_http_requests_total{method="POST",route="${route}",status="${status}"} 0\n`,
        );
      }
      expect(text).toContain(
        `cv_http_request_duration_seconds_count{method="POST",route="${route}",status="200"} 0\n`,
      );
    }
    expect(text).toContain('cv_rejections_total{code="OVERLOADED"} 0\n');
  });

  it('have every label of the model at 0 once that is loaded, and the version of the service', async () => {
    const app = await startApp();
    const text = (await app.server.inject('/metrics')).body;
    for (let digit = 0; digit < 10; digit += 1) {
      expect(text).toContain(`cv_predictions_total{model="digits",label="${digit}"} 0\n`);
    }
    expect(text).toContain('cv_images_total{model="digits",outcome="server_error"} 0\n');
    expect(text).toContain('cv_stage_duration_seconds_count{model="digits",stage="inference"} 0\n');
    expect(text).toMatch(/cv_build_info\{version="\d+\.\d+\.\d+"\} 1\n/);
  });

  it('have all that was counted until they are read, in order, however little it was', async () => {
    const metrics = new Metrics();
    const model = metrics.forModel('m');
    const request = { method: 'POST', route: '/predict', seconds: 0.01, trace: undefined };
    for (let done = 1; done <= 200; done += 1) {
      model.ended({ outcome: 'refused', code: 'OVERLOADED', spans: [] });
      metrics.requestEnded({ ...request, status: 429, rejections: ['OVERLOADED'] });
      if (![1, 2, 40, 41, 199, 200].includes(done)) continue;
      const text = await metrics.text(done % 2 === 0 ? 'prometheus' : 'openMetrics');
      expect(text).toContain(`cv_images_total{model="m",outcome="refused"} ${done}\n`);
      expect(text).toContain(`cv_rejections_total{code="OVERLOADED"} ${done}\n`);
      expect(text).toContain(
        `cv_http_request_duration_seconds_count{method="POST",route="/predict",status="429"} ${done}\n`,
      );
    }
  });

  it('put all labels of a model with many of them into one', async () => {
    const metrics = new Metrics();
    const labels = Array.from({ length: 101 }, (_, index) => `label-${index}`);
    const model = metrics.forModel('many');
    model.startLabels(labels);
    model.ended({ outcome: 'ok', image: IMAGE, spans: [], observed: { labels: ['label-7'], scores: [1] } });
    const counts = (await metrics.text()).match(/^cv_predictions_total.*$/gm);
    expect(counts).toEqual(['cv_predictions_total{model="many",label="other"} 1']);
  });
});

describe('/metrics', () => {
  const apps = new SharedApps();
  const CLASSIC = /^text\/plain; version=0\.0\.4/;
  const OPENMETRICS = /^application\/openmetrics-text; version=1\.0\.0/;

  it.each([
    ['nobody asks for anything', undefined, CLASSIC],
    ['anything will do', '*/*', CLASSIC],
    ['a browser asks', 'text/html,application/xhtml+xml,*/*;q=0.8', CLASSIC],
    ['text is liked as much', 'text/plain,application/openmetrics-text', CLASSIC],
    ['OpenMetrics is refused', 'application/openmetrics-text;q=0,*/*', CLASSIC],
    ['OpenMetrics alone is taken', 'application/openmetrics-text', OPENMETRICS],
    [
      'Prometheus asks',
      'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1',
      OPENMETRICS,
    ],
  ])('where %s is as it should be', async (_, accept, type) => {
    const { server } = await apps.get();
    const answer = await server.inject({ url: '/metrics', headers: accept === undefined ? {} : { accept } });
    expect(answer.headers['content-type']).toMatch(type);
    expect(answer.headers['vary']).toContain('Accept');
    expect(answer.body.endsWith('\n# EOF\n')).toBe(type === OPENMETRICS);
  });

  it('says the same in both formats, whichever comes first', async () => {
    const { server } = await apps.get();
    const read = async (accept: string): Promise<string[]> => {
      const { body } = await server.inject({ url: '/metrics', headers: { accept } });
      return body.split('\n').filter((line) => line.startsWith('cv_') && !line.includes('route="/metrics"'));
    };
    const classic = await read('text/plain');
    expect(classic.length).toBeGreaterThan(100);
    expect(await read('application/openmetrics-text')).toEqual(classic);
    expect(await read('text/plain')).toEqual(classic);
  });
});
