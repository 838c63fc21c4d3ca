import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { type ImageRecord, RequestRecord } from '../request-record.js';
import { type BatchRun, spansFrom } from '../stages.js';
import { traceparentOf } from '../trace-context.js';
import { RequestSpans } from './request-spans.js';
import type { BegunRequest, RequestTrace } from './tracing.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';
const SAMPLED = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` };
const UNSAMPLED = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-00` };

function setUp(sampler: Sampler = new ParentBasedSampler({ root: new AlwaysOnSampler() })) {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  const tracing = new RequestSpans({
    requests: new BasicTracerProvider({ sampler, spanProcessors }).getTracer('requests'),
    batches: new BasicTracerProvider({ sampler: new AlwaysOnSampler(), spanProcessors }).getTracer('batches'),
  });
  const begin = (headers: BegunRequest['headers'] = {}, others: Partial<BegunRequest> = {}): RequestTrace =>
    tracing.begin({
      startedAt: performance.now(),
      requestId: 'order-66',
      method: 'POST',
      route: '/predict',
      path: '/predict',
      headers,
      ...others,
    });
  return { begin, spans: () => exporter.getFinishedSpans() };
}

function runOf(...traces: RequestTrace[]): BatchRun {
  return { startedAt: performance.now(), durationMs: 8, images: traces.length, traces };
}

function answered(batch: BatchRun, decodeMs = 4): ImageRecord {
  const spans = spansFrom(performance.now(), [
    { stage: 'decode', durationMs: decodeMs },
    { stage: 'queue', durationMs: 2 },
    { stage: 'decode', durationMs: 0 },
    { stage: 'inference', durationMs: 7, batch },
    { stage: 'postprocess', durationMs: 1 },
  ]);
  const image = { width: 4, height: 3, format: 'png' };
  return { outcome: 'ok', image, spans, observed: { labels: [], scores: [] } };
}

function recordOf(...images: ImageRecord[]): RequestRecord {
  const model = { reference: { name: 'digits', version: '1.0.0' } };
  return Object.assign(new RequestRecord(), { images, model, bytes: 100 });
}

function named(spans: readonly ReadableSpan[], name: string): ReadableSpan[] {
  return spans.filter((span) => span.name === name);
}

function only(spans: readonly ReadableSpan[], name: string): ReadableSpan {
  const [found, ...others] = named(spans, name);
  if (found === undefined || others.length > 0) throw new Error(`${others.length + 1} spans ${name}`);
  return found;
}

const idsOf = (span: ReadableSpan): unknown => span.links.map(({ context }) => context.spanId);
const milliseconds = ([seconds, nanoseconds]: readonly [number, number]): number =>
  seconds * 1e3 + nanoseconds / 1e6;

describe('the spans of a request', () => {
  it('are one for the request, in the trace of its caller, and one for each stage that took time', () => {
    const { begin, spans } = setUp();
    const trace = begin(SAMPLED);
    trace.end({ record: recordOf(answered(runOf(trace))), status: 200 });
    const request = only(spans(), 'POST /predict');
    expect(request.kind).toBe(SpanKind.SERVER);
    expect(request.spanContext()).toMatchObject({ traceId: TRACE_ID, spanId: trace.spanId });
    expect(request.parentSpanContext?.spanId).toBe(PARENT_ID);
    const children = spans().filter(({ parentSpanContext }) => parentSpanContext?.spanId === trace.spanId);
    expect(children.map(({ name, duration }) => [name, Math.round(milliseconds(duration))])).toEqual([
      ['decode', 4],
      ['queue', 2],
      ['inference', 7],
      ['postprocess', 1],
    ]);
    expect(request.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/predict',
      'url.path': '/predict',
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'cv.request_id': 'order-66',
      'cv.model.name': 'digits',
      'cv.model.version': '1.0.0',
      'cv.images': 1,
      'cv.images.failed': 0,
      'cv.images.bytes': 100,
      'cv.image.width': 4,
      'cv.image.height': 3,
      'cv.image.format': 'png',
    });
  });

  it('are dated by the clock of the day', () => {
    const { begin, spans } = setUp();
    const trace = begin();
    trace.end({ record: recordOf(answered(runOf(trace))), status: 200 });
    for (const { startTime } of spans()) {
      expect(Math.abs(milliseconds(startTime) - Date.now())).toBeLessThan(10_000);
    }
  });

  it('lead to the run that served it, which leads to every request that it served', () => {
    const { begin, spans } = setUp();
    const traces = [begin(), begin(), begin(UNSAMPLED)];
    const batch = runOf(...traces);
    for (const trace of traces) trace.end({ record: recordOf(answered(batch)), status: 200 });
    const run = only(spans(), 'batch');
    expect(run.parentSpanContext).toBeUndefined();
    expect(run.attributes).toEqual({ 'cv.model.name': 'digits', 'cv.batch.images': 3 });
    expect(idsOf(run)).toEqual(traces.slice(0, 2).map(({ spanId }) => spanId));
    expect(named(spans(), 'inference').map(idsOf)).toEqual([
      [run.spanContext().spanId],
      [run.spanContext().spanId],
    ]);
  });

  it('are not made where the caller does not collect its trace, nor is the run that served it alone', () => {
    const { begin, spans } = setUp();
    const trace = begin(UNSAMPLED);
    trace.end({ record: recordOf(answered(runOf(trace))), status: 200 });
    expect(spans()).toEqual([]);
    expect(trace).toMatchObject({ traceId: TRACE_ID, isSampled: false });
  });

  it('have the code of what went wrong, and are failed where that is a fault of the service', () => {
    const { begin, spans } = setUp();
    for (const [status, code] of [
      [415, 'IMAGE_TYPE_UNSUPPORTED'],
      [500, 'INFERENCE_FAILED'],
    ] as const) {
      const record = Object.assign(recordOf(), { failure: { code, thrown: undefined } });
      begin().end({ record, status });
    }
    const told = spans().map(({ attributes, status }) => [attributes['error.type'], status.code]);
    expect(told).toEqual([
      ['IMAGE_TYPE_UNSUPPORTED', SpanStatusCode.UNSET],
      ['INFERENCE_FAILED', SpanStatusCode.ERROR],
    ]);
  });

  it('of many images have one for each of the 32 slowest, with its stages', () => {
    const { begin, spans } = setUp();
    const trace = begin();
    const batch = runOf(trace);
    const images = Array.from({ length: 40 }, (_, index) => answered(batch, 100 - index));
    trace.end({ record: recordOf(...images), status: 200 });
    const indices = named(spans(), 'image').map(({ attributes }) => attributes['cv.image.index']);
    expect(indices).toEqual(Array.from({ length: 32 }, (_, index) => index));
    const parents = new Set(named(spans(), 'decode').map((span) => span.parentSpanContext?.spanId));
    expect(parents).toEqual(new Set(named(spans(), 'image').map((span) => span.spanContext().spanId)));
    expect(named(spans(), 'batch')).toHaveLength(1);
    expect(only(spans(), 'POST /predict').attributes['cv.images']).toBe(40);
  });

  it('have what a failed image went through until then', () => {
    const { begin, spans } = setUp();
    const trace = begin();
    const ended = spansFrom(performance.now(), [{ stage: 'decode', durationMs: 5 }]);
    const image: ImageRecord = { outcome: 'deadline', code: 'DEADLINE_EXCEEDED', spans: ended };
    trace.end({ record: recordOf(image), status: 504 });
    expect(spans().map(({ name }) => name)).toEqual(['decode', 'POST /predict']);
  });

  it('keep little of a path that there is no route for', () => {
    const { begin, spans } = setUp();
    begin({}, { route: undefined, path: `/${'x'.repeat(10_000)}` }).end({ record: recordOf(), status: 404 });
    const request = only(spans(), 'POST');
    expect(String(request.attributes['url.path'])).toHaveLength(256);
  });
});

describe('the headers of a caller', () => {
  it.each([
    ['nonsense', 'nonsense'],
    ['empty', ''],
    ['letters in capitals', `00-${TRACE_ID.toUpperCase()}-${PARENT_ID}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${PARENT_ID}-01`],
    ['a parent of zeros', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['the version that is none', `ff-${TRACE_ID}-${PARENT_ID}-01`],
    ['more than version 00 has', `00-${TRACE_ID}-${PARENT_ID}-01-more`],
    ['two in one', `${SAMPLED.traceparent}, ${SAMPLED.traceparent}`],
    ['a future version without an end', `01-${TRACE_ID}-${PARENT_ID}-01-${'x'.repeat(10_000)}`],
  ])('begin a new trace where traceparent is %s', (_, traceparent) => {
    const trace = setUp().begin({ traceparent });
    expect(trace.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(trace.traceId).not.toBe(TRACE_ID);
    expect(traceparentOf(trace)).toBe(`00-${trace.traceId}-${trace.spanId}-01`);
  });

  it('are taken over with flags that are not known yet, and of a version to come', () => {
    for (const traceparent of [`00-${TRACE_ID}-${PARENT_ID}-ff`, `01-${TRACE_ID}-${PARENT_ID}-01-more`]) {
      const trace = setUp().begin({ traceparent });
      expect(traceparentOf(trace)).toBe(`00-${TRACE_ID}-${trace.spanId}-01`);
    }
  });

  it('bring tracestate along, unless it is longer than anybody has to pass on', () => {
    for (const [length, kept] of [
      [400, '1'],
      [10_000, undefined],
    ] as const) {
      const { begin, spans } = setUp();
      const trace = begin({ ...SAMPLED, tracestate: `vendor=1,${' '.repeat(length)}` });
      trace.end({ record: recordOf(), status: 200 });
      const { traceState } = only(spans(), 'POST /predict').spanContext();
      expect(traceState?.get('vendor')).toBe(kept);
    }
  });
});
