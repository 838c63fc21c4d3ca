import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../telemetry/logging.js';
import type { Metrics } from '../telemetry/metrics.js';
import { imageFields, RequestRecord, roundedMs } from '../telemetry/request-record.js';
import { traceFields, traceparentOf } from '../telemetry/trace-context.js';
import type { RequestTrace, Tracing } from '../telemetry/tracing/tracing.js';
import { traitsOf } from './route-table.js';

export interface RequestLogDependencies {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Present where traces are collected. */
  readonly tracing: Tracing | undefined;
}

/** One log line, one count and the spans of each request, once its last byte has gone or its client has. */
export function registerRequestLog(server: FastifyInstance, deps: RequestLogDependencies): void {
  server.addHook('onRequest', (request, reply, next) => {
    request.record = new RequestRecord();
    const trace = beginTrace(request, reply, deps);
    let isSent = false;
    // An answer whose connection was lost with the rest of it counts as finished for Node as well.
    reply.raw.once('finish', () => {
      isSent = !request.raw.socket.destroyed;
    });
    reply.raw.once('close', () => {
      const status = isSent ? reply.statusCode : 499;
      record(request, reply, status, deps);
      trace?.end({ record: request.record, status });
    });
    next();
  });
}

/** Probes and scrapes have none: they come all the time, and nobody looks for them. */
function beginTrace(
  request: FastifyRequest,
  reply: FastifyReply,
  { tracing }: RequestLogDependencies,
): RequestTrace | undefined {
  if (tracing === undefined || traitsOf(request).isQuiet) return undefined;
  const { record, id, method, headers } = request;
  const { startedAt } = record;
  const route = request.routeOptions.url;
  const trace = tracing.begin({ startedAt, requestId: id, method, route, path: pathOf(request), headers });
  record.trace = trace;
  reply.header('traceparent', traceparentOf(trace));
  return trace;
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? url;
}

function record(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  deps: RequestLogDependencies,
): void {
  const { predicts, isQuiet } = traitsOf(request);
  deps.metrics.requestEnded({
    method: request.method,
    route: request.routeOptions.url ?? 'unknown',
    status,
    seconds: reply.elapsedTime / 1000,
    trace: request.record.trace,
    rejections: predicts === undefined ? [] : request.record.codes,
  });
  const level = status >= 500 && status !== 503 ? 'error' : isQuiet ? 'debug' : 'info';
  if (!deps.logger.isLevelEnabled(level)) return;
  deps.logger[level](logLine(request, status, reply.elapsedTime), status === 499 ? 'client left' : 'request');
}

function logLine(request: FastifyRequest, status: number, durationMs: number): Record<string, unknown> {
  const { trace } = request.record;
  const model = request.record.model?.reference;
  return {
    request_id: request.id,
    ...(trace === undefined ? { trace_id: callersTraceId(request) } : traceFields(trace)),
    method: request.method,
    path: pathOf(request),
    status,
    duration_ms: roundedMs(durationMs),
    ...(model && { model: `${model.name}@${model.version}` }),
    ...imageFields(request.record),
    ...failureOf(request.record, status),
  };
}

/** The cause only where it is ours: a stack for each bad image would hand the log to whoever sends them. */
function failureOf({ failure }: RequestRecord, status: number): Record<string, unknown> {
  if (failure === undefined) return {};
  const { code, thrown } = failure;
  return status >= 500 ? { code, err: thrown } : { code };
}

/** W3C Trace Context: version, trace id, parent id, flags. */
function callersTraceId(request: FastifyRequest): string | undefined {
  const header = request.headers['traceparent'];
  return typeof header === 'string'
    ? /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(header)?.[1]
    : undefined;
}
