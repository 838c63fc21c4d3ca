import {
  defaultTextMapGetter,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions';
import type { ImageRecord, RequestRecord } from '../request-record.js';
import type { BatchRun, StageSpan } from '../stages.js';
import type { TraceContext } from '../trace-context.js';
import type { BegunRequest, EndedRequest, RequestTrace, Tracing } from './tracing.js';

/** Of a batch request: the slowest, since each takes some spans of a bounded queue. */
const MAX_TRACED_IMAGES = 32;
/** Of a path that there is no route for: it stays in memory until it is sent. */
const MAX_PATH_LENGTH = 256;
/** Of tracestate: as much as everybody has to pass on (W3C Trace Context, 3.3.1.5). */
const MAX_HEADER_LENGTH = 512;

export interface Tracers {
  /** Decides by its sampler which requests are traced. */
  readonly requests: Tracer;
  /** Traces every run of the model that it is asked for: those that served a request that is traced. */
  readonly batches: Tracer;
}

/** Spans as a view of the records of requests. */
export class RequestSpans implements Tracing {
  readonly #tracers: Tracers;
  readonly #propagator = new W3CTraceContextPropagator();
  /** Of each run the span, which all requests that it served lead to. */
  readonly #batches = new WeakMap<BatchRun, SpanContext>();

  constructor(tracers: Tracers) {
    this.#tracers = tracers;
  }

  begin({ startedAt, requestId, method, route, path, headers }: BegunRequest): RequestTrace {
    const clock = new Clock();
    const parent = this.#propagator.extract(ROOT_CONTEXT, headers, SHORT_HEADERS);
    const span = this.#tracers.requests.startSpan(
      route === undefined ? method : `${method} ${route}`,
      {
        kind: SpanKind.SERVER,
        startTime: clock.epochMs(startedAt),
        attributes: {
          [ATTR_HTTP_REQUEST_METHOD]: method,
          ...(route !== undefined && { [ATTR_HTTP_ROUTE]: route }),
          [ATTR_URL_PATH]: path.slice(0, MAX_PATH_LENGTH),
          [ATTR_URL_SCHEME]: 'http',
          'cv.request_id': requestId,
        },
      },
      parent,
    );
    const { traceId, spanId } = span.spanContext();
    return {
      traceId,
      spanId,
      isSampled: (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0,
      end: (request) => {
        if (span.isRecording()) this.#end(span, request, clock);
      },
    };
  }

  #end(span: Span, { record, status }: EndedRequest, clock: Clock): void {
    const endedAt = performance.now();
    const { failure } = record;
    span.setAttributes({
      [ATTR_HTTP_RESPONSE_STATUS_CODE]: status,
      ...(failure && { [ATTR_ERROR_TYPE]: failure.code }),
      ...attributesOf(record),
    });
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    this.#addImages(span, record, clock);
    span.end(clock.epochMs(endedAt));
  }

  /** The stages of the image; of several, a span for each image with its stages. */
  #addImages(parent: Span, { images, model }: RequestRecord, clock: Clock): void {
    const name = model?.reference.name ?? '';
    const [first] = images;
    if (images.length === 1 && first !== undefined) {
      this.#addStages(parent, first.spans, name, clock);
      return;
    }
    const timed = images.map((image, index) => ({ image, index, ...extentOf(image.spans) }));
    const slowest = timed
      .filter(({ image }) => image.spans.length > 0)
      .sort((one, other) => other.endedAt - other.startedAt - (one.endedAt - one.startedAt))
      .slice(0, MAX_TRACED_IMAGES);
    for (const { image, index, startedAt, endedAt } of slowest) {
      const attributes = { 'cv.image.index': index, ...imageAttributes(image) };
      const span = this.#child(parent, 'image', { startTime: clock.epochMs(startedAt), attributes });
      this.#addStages(span, image.spans, name, clock);
      span.end(clock.epochMs(endedAt));
    }
  }

  #addStages(parent: Span, spans: readonly StageSpan[], model: string, clock: Clock): void {
    for (const { stage, startedAt, durationMs, batch } of spans) {
      if (durationMs === 0) continue;
      const links = batch === undefined ? [] : [{ context: this.#batchSpan(batch, model, clock) }];
      const span = this.#child(parent, stage, { startTime: clock.epochMs(startedAt), links });
      span.end(clock.epochMs(startedAt + durationMs));
    }
  }

  #child(parent: Span, name: string, options: Parameters<Tracer['startSpan']>[1]): Span {
    return this.#tracers.requests.startSpan(name, options, trace.setSpan(ROOT_CONTEXT, parent));
  }

  /** A trace of its own, since a run belongs to all requests that it served alike. */
  #batchSpan(batch: BatchRun, model: string, clock: Clock): SpanContext {
    const known = this.#batches.get(batch);
    if (known !== undefined) return known;
    const { startedAt, durationMs, images, traces } = batch;
    const span = this.#tracers.batches.startSpan(
      'batch',
      {
        startTime: clock.epochMs(startedAt),
        attributes: { 'cv.model.name': model, 'cv.batch.images': images },
        links: traces.filter(({ isSampled }) => isSampled).map(linkTo),
      },
      ROOT_CONTEXT,
    );
    span.end(clock.epochMs(startedAt + durationMs));
    this.#batches.set(batch, span.spanContext());
    return span.spanContext();
  }
}

/** From the clock of `performance.now()` to that of the day, as it is when the request begins: the two drift apart. */
class Clock {
  readonly #offset = Date.now() - performance.now();

  epochMs(at: number): number {
    return this.#offset + at;
  }
}

const SHORT_HEADERS: TextMapGetter<unknown> = {
  keys: () => [],
  get(headers, name) {
    const value = defaultTextMapGetter.get(headers, name);
    return value !== undefined && value.length <= MAX_HEADER_LENGTH ? value : undefined;
  },
};

function linkTo({ traceId, spanId }: TraceContext): Link {
  return { context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED } };
}

function attributesOf({ images, model, bytes }: RequestRecord): Record<string, string | number> {
  const [first] = images;
  return {
    ...(model && { 'cv.model.name': model.reference.name, 'cv.model.version': model.reference.version }),
    ...(bytes !== undefined && { 'cv.images.bytes': bytes }),
    ...(images.length > 0 && {
      'cv.images': images.length,
      'cv.images.failed': images.filter(({ outcome }) => outcome !== 'ok').length,
    }),
    ...(images.length === 1 && first !== undefined && imageAttributes(first)),
  };
}

function imageAttributes(image: ImageRecord): Record<string, string | number> {
  if (image.outcome !== 'ok') return { [ATTR_ERROR_TYPE]: image.code };
  const { width, height, format } = image.image;
  return { 'cv.image.width': width, 'cv.image.height': height, 'cv.image.format': format };
}

/** From the first beginning to the last end. */
function extentOf(spans: readonly StageSpan[]): { startedAt: number; endedAt: number } {
  return {
    startedAt: Math.min(...spans.map(({ startedAt }) => startedAt)),
    endedAt: Math.max(...spans.map(({ startedAt, durationMs }) => startedAt + durationMs)),
  };
}
