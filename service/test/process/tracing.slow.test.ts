import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { expectProblem, json, predict, send } from '../support/answers.js';
import { plainPng } from '../support/images.js';
import { meanColourModel, writeModelFolder } from '../support/models.js';
import { OtlpCollector, type ReceivedSpan } from '../support/otlp-collector.js';
import {
  type Environment,
  type ServiceProcess,
  startService,
  startSharedService,
} from '../support/service-process.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';
const OPENMETRICS = { accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3' };
/** Spans are sent soon, so that tests need not wait. */
const SOON = { OTEL_BSP_SCHEDULE_DELAY: '50' };
const SERVER = 2;
const INTERNAL = 1;

let image: Buffer;
let collector: OtlpCollector;
let service: ServiceProcess;

beforeAll(async () => {
  image = await plainPng({ r: 10, g: 20, b: 30 });
  collector = await OtlpCollector.start();
  const shared = await startSharedService(meanColourModel(), {
    ...SOON,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20secret',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,service.name=not-this',
    OTEL_SERVICE_NAME: 'eyes',
  });
  service = shared.service;
  return async () => {
    collector.stop();
    await shared.end();
  };
});

/** A trace of its own for each test. */
function traceparent(number: number, flags = '01'): string {
  return `00-${idOf(number)}-${PARENT_ID}-${flags}`;
}

function idOf(number: number): string {
  return TRACE_ID.slice(0, -2) + number.toString(16).padStart(2, '0');
}

function only(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const [found, ...others] = spans.filter((span) => span.name === name);
  if (found === undefined || others.length > 0) throw new Error(`${others.length + 1} spans ${name}`);
  return found;
}

/** A service whose spans nobody may ever take. */
async function startWith(environment: Environment): Promise<ServiceProcess> {
  return startService({ MODEL_URI: await writeModelFolder(meanColourModel()), ...SOON, ...environment });
}

describe('a collector', () => {
  it('gets the spans of a request, in the trace of its caller: the request, its stages, and the run', async () => {
    const answer = await predict(service.url, image, { traceparent: traceparent(1) });
    const spans = await collector.trace(idOf(1));
    const request = only(spans, 'POST /predict');
    expect(request).toMatchObject({ kind: SERVER, parentSpanId: PARENT_ID, isError: false });
    expect(answer.headers['traceparent']).toBe(`00-${idOf(1)}-${request.spanId}-01`);
    const stages = spans.filter(({ parentSpanId }) => parentSpanId === request.spanId);
    expect(new Set(stages.map(({ name }) => name))).toEqual(
      new Set(['decode', 'queue', 'inference', 'postprocess']),
    );
    for (const { kind, startedAt, endedAt } of stages) {
      expect(kind).toBe(INTERNAL);
      expect(startedAt).toBeGreaterThanOrEqual(request.startedAt);
      expect(endedAt).toBeGreaterThanOrEqual(startedAt);
      expect(endedAt).toBeLessThanOrEqual(request.endedAt);
    }
    const run = collector.spans.find(({ links }) => links.includes(request.spanId));
    expect(run).toMatchObject({ name: 'batch', parentSpanId: '', attributes: { 'cv.batch.images': 1 } });
    expect(only(spans, 'inference').links).toEqual([run?.spanId]);
  });

  it('gets them as protobuf, at the path of traces, with the headers that it asks for', () => {
    expect(collector.requests.at(-1)).toMatchObject({
      path: '/v1/traces',
      type: 'application/x-protobuf',
      headers: { authorization: 'Bearer secret' },
    });
  });

  it('is told what the service is, and what the request was', async () => {
    const answer = await predict(service.url, image, { traceparent: traceparent(2) });
    const request = only(await collector.trace(idOf(2)), 'POST /predict');
    expect(request.resource).toMatchObject({
      'service.name': 'eyes',
      'service.version': expect.stringMatching(/^\d+\.\d+\.\d+$/),
      'deployment.environment.name': 'test',
    });
    expect(request.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/predict',
      'http.response.status_code': 200,
      'cv.request_id': json(answer)['request_id'],
      'cv.model.name': 'mean-colour',
      'cv.image.width': 8,
    });
  });

  it('finds the same ids in the log', async () => {
    await predict(service.url, image, { traceparent: traceparent(3), 'x-request-id': 'traced' });
    const request = only(await collector.trace(idOf(3)), 'POST /predict');
    const line = await service.logged((candidate) => candidate['request_id'] === 'traced');
    expect(line).toMatchObject({ trace_id: idOf(3), span_id: request.spanId, trace_flags: '01' });
  });

  it('gets a trace of its own for a request that has none, or a broken one, and for each another', async () => {
    const answers = await Promise.all(
      [{}, {}, { traceparent: 'nonsense', tracestate: 'x'.repeat(8000), baggage: 'x'.repeat(6000) }].map(
        (headers) => predict(service.url, image, headers),
      ),
    );
    const ids = answers.map(({ headers }) => headers['traceparent']?.split('-')[1] ?? '');
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(only(await collector.trace(id), 'POST /predict').parentSpanId).toBe('');
  });

  it('gets the code of a request that was refused, which is no fault of the service', async () => {
    const headers = { traceparent: traceparent(4) };
    expectProblem(await predict(service.url, Buffer.from('GIF89a'), headers), 'IMAGE_TYPE_UNSUPPORTED');
    const [request, ...others] = await collector.trace(idOf(4));
    expect(others).toEqual([]);
    expect(request).toMatchObject({ isError: false, attributes: { 'error.type': 'IMAGE_TYPE_UNSUPPORTED' } });
  });

  it('gets a span for each image of a batch, with its stages', async () => {
    const form = new FormData();
    for (const name of ['a', 'b']) form.append('files', new Blob([new Uint8Array(image)]), name);
    await send(service.url, '/predict/batch', { body: form, headers: { traceparent: traceparent(5) } });
    const spans = await collector.trace(idOf(5));
    const request = only(spans, 'POST /predict/batch');
    const images = spans.filter(({ name }) => name === 'image');
    expect(images.map(({ attributes }) => attributes['cv.image.index']).sort()).toEqual([0, 1]);
    for (const { parentSpanId } of images) expect(parentSpanId).toBe(request.spanId);
    for (const { spanId } of images) {
      expect(spans.filter(({ parentSpanId }) => parentSpanId === spanId).length).toBeGreaterThanOrEqual(3);
    }
  });

  it('gets nothing of a request whose caller does not collect its trace, which goes on all the same', async () => {
    const headers = { traceparent: traceparent(6, '00'), 'x-request-id': 'not-traced' };
    const answer = await predict(service.url, image, headers);
    expect(answer.headers['traceparent']).toMatch(new RegExp(`^00-${idOf(6)}-[0-9a-f]{16}-00$`));
    const line = await service.logged((candidate) => candidate['request_id'] === 'not-traced');
    expect(line).toMatchObject({ trace_id: idOf(6), trace_flags: '00' });
    await predict(service.url, image, { traceparent: traceparent(7) });
    await collector.trace(idOf(7));
    expect(collector.spans.filter(({ traceId }) => traceId === idOf(6))).toEqual([]);
  });

  it('gets nothing of probes and scrapes', async () => {
    for (const path of ['/health', '/ready', '/metrics']) {
      expect(
        (await send(service.url, path, { headers: { traceparent: traceparent(8) } })).headers,
      ).not.toHaveProperty('traceparent');
    }
    await predict(service.url, image, { traceparent: traceparent(9) });
    await collector.trace(idOf(9));
    expect(collector.spans.filter(({ traceId }) => traceId === idOf(8))).toEqual([]);
  });
});

describe('/metrics', () => {
  it('leads from a bucket to a trace in it, for those who speak OpenMetrics', async () => {
    await predict(service.url, image, { traceparent: traceparent(10) });
    const request = only(await collector.trace(idOf(10)), 'POST /predict');
    const answer = await send(service.url, '/metrics', { headers: OPENMETRICS });
    expect(answer.headers['content-type']).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
    expect(answer.text).toMatch(/\n# EOF\n$/);
    const exemplar = `# {trace_id="${idOf(10)}",span_id="${request.spanId}"} `;
    for (const metric of ['cv_http_request_duration_seconds', 'cv_stage_duration_seconds']) {
      const lines = answer.text.split('\n').filter((line) => line.startsWith(`${metric}_bucket{`));
      expect(lines.some((line) => line.includes(exemplar))).toBe(true);
    }
  });

  it('has no exemplar of a request whose trace nobody collects', async () => {
    await predict(service.url, image, { traceparent: traceparent(11, '00') });
    expect((await send(service.url, '/metrics', { headers: OPENMETRICS })).text).not.toContain(idOf(11));
  });
});

describe('two requests', () => {
  it('that are run together are linked by their run', async () => {
    const together = await startWith({
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      MAX_BATCH_SIZE: '2',
      MAX_BATCH_WAIT_MS: '5000',
    });
    await Promise.all(
      [20, 21].map((number) => predict(together.url, image, { traceparent: traceparent(number) })),
    );
    const traces = [await collector.trace(idOf(20)), await collector.trace(idOf(21))];
    const requests = traces.map((spans) => only(spans, 'POST /predict').spanId);
    const runs = collector.spans.filter(({ links }) => links.some((link) => requests.includes(link)));
    const run = only(runs, 'batch');
    expect(new Set(run.links)).toEqual(new Set(requests));
    expect(run.attributes).toMatchObject({ 'cv.batch.images': 2 });
    for (const spans of traces) expect(only(spans, 'inference').links).toEqual([run.spanId]);
    expect(collector.requests.some(({ type }) => type === 'application/json')).toBe(true);
  });
});

describe('a collector that', () => {
  /** Asks until the log tells that spans are lost, and some more; every answer is there at once. */
  async function expectNoHarm(environment: Environment): Promise<ServiceProcess> {
    const alone = await startWith({ OTEL_EXPORTER_OTLP_TIMEOUT: '200', ...environment });
    const lost = alone.logged(({ msg }) => msg.startsWith('spans are lost'));
    const ask = async (): Promise<void> => expect((await predict(alone.url, image)).status).toBe(200);
    await ask();
    await lost;
    for (let round = 0; round < 20; round++) await ask();
    return alone;
  }

  it('is not there costs no answer, is told once, and does not keep the service from its end', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await new Promise((resolve) => server.close(resolve));
    const alone = await expectNoHarm({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    expect(await alone.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    const told = alone.logs.filter(({ level }) => level === 'warn');
    expect(told).toEqual([expect.objectContaining({ reason: expect.stringContaining('ECONNREFUSED') })]);
  });

  it.each([
    ['refuses', 400, '400: Bad Request'],
    ['is overloaded', 503, 'Export failed with retryable status'],
    ['never answers', 'hangs', 'Request timed out'],
  ] as const)(
    '%s costs no answer, is told once, and does not keep the service from its end',
    async (_, behaviour, reason) => {
      const bad = await OtlpCollector.start(behaviour);
      onTestFinished(() => bad.stop());
      const alone = await expectNoHarm({ OTEL_EXPORTER_OTLP_ENDPOINT: bad.url });
      expect(await alone.stop('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(alone.logs.filter(({ level }) => level === 'warn')).toEqual([
        expect.objectContaining({ reason }),
      ]);
    },
  );
});

describe('the end of the service', () => {
  it('comes after its last spans', async () => {
    const alone = await startWith({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
      OTEL_BSP_SCHEDULE_DELAY: '60000',
    });
    await predict(alone.url, image, { traceparent: traceparent(30) });
    expect(await alone.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(collector.spans.filter(({ traceId }) => traceId === idOf(30)).length).toBeGreaterThan(3);
  });
});

describe('without a collector', () => {
  /** The files that a service had loaded when it ended, as V8 counts them. */
  async function loadedBy(environment: Environment): Promise<string[]> {
    const folder = await mkdtemp(join(tmpdir(), 'cv-test-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const alone = await startWith({ NODE_V8_COVERAGE: folder, ...environment });
    const { headers } = await predict(alone.url, image, { traceparent: traceparent(40) });
    expect('traceparent' in headers).toBe('OTEL_TRACES_EXPORTER' in environment);
    await alone.stop('SIGTERM');
    const reports = await Promise.all(
      (await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')),
    );
    return reports.flatMap((report) =>
      (JSON.parse(report) as { result: { url: string }[] }).result.map(({ url }) => url),
    );
  }
  // The metrics' library brings OpenTelemetry's API along, whose every function does nothing without an SDK.
  const isOfTraces = (url: string): boolean =>
    /@opentelemetry\/(?!api\/)|telemetry\/tracing\/open-tracing/.test(url);

  it('nothing of OpenTelemetry is loaded, and no header is added', async () => {
    const on = await loadedBy({ OTEL_TRACES_EXPORTER: 'otlp' });
    expect(on.filter(isOfTraces).length).toBeGreaterThan(50);
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    for (const off of [{}, { ...endpoint, OTEL_SDK_DISABLED: 'true' }]) {
      const loaded = await loadedBy(off);
      expect(loaded.length).toBeGreaterThan(100);
      expect(loaded.filter(isOfTraces)).toEqual([]);
    }
  });
});
