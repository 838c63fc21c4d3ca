import { DiagLogLevel, diag } from '@opentelemetry/api';
import { setGlobalErrorHandler } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import type { Logger } from '../logging.js';
import { Complaints } from './complaints.js';
import { LastSpans } from './last-spans.js';
import { RequestSpans } from './request-spans.js';
import type { TracingSettings } from './settings.js';
import type { Tracing } from './tracing.js';

const SERVICE = 'cv-inference';

export interface Traces {
  readonly tracing: Tracing;
  readonly spans: LastSpans;
}

/** Traces of requests on their way to a collector. What else OpenTelemetry's SDK can be told it reads by itself: OTEL_*. */
export function openTracing(settings: TracingSettings, version: string, logger: Logger): Traces {
  const complaints = new Complaints(logger);
  setGlobalErrorHandler((error) => complaints.undelivered(error));
  diag.setLogger(complaints.diagnostics, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const processor = new BatchSpanProcessor(exporterOf(settings));
  const shared = { resource: resourceOf(settings, version), spanProcessors: [processor] };
  const requests = new BasicTracerProvider({ ...shared, sampler: samplerOf(settings) });
  const batches = new BasicTracerProvider({ ...shared, sampler: new AlwaysOnSampler() });
  const tracing = new RequestSpans({
    requests: requests.getTracer(SERVICE, version),
    batches: batches.getTracer(SERVICE, version),
  });
  return { tracing, spans: new LastSpans(processor, complaints) };
}

function exporterOf({ url, protocol }: TracingSettings): SpanExporter {
  return protocol === 'http/json' ? new JsonExporter({ url }) : new ProtobufExporter({ url });
}

function resourceOf({ serviceName }: TracingSettings, version: string): Resource {
  const own = { [ATTR_SERVICE_NAME]: SERVICE, [ATTR_SERVICE_VERSION]: version };
  const named = serviceName === undefined ? {} : { [ATTR_SERVICE_NAME]: serviceName };
  return defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes(named));
}

function samplerOf({ sampler, share }: TracingSettings): Sampler {
  const [, parentBased, root = ''] = /^(parentbased_)?(.+)$/.exec(sampler) ?? [];
  const own = rootSampler(root, share);
  return parentBased === undefined ? own : new ParentBasedSampler({ root: own });
}

function rootSampler(name: string, share: number): Sampler {
  if (name === 'always_off') return new AlwaysOffSampler();
  return name === 'traceidratio' ? new TraceIdRatioBasedSampler(share) : new AlwaysOnSampler();
}
