import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Metrics } from '../telemetry/metrics.js';
import { imageFields, RequestRecord, roundedMs } from '../telemetry/request-record.js';
import { traitsOf } from './route-table.js';

export interface RequestLogDependencies {
  readonly logger: FastifyBaseLogger;
  readonly metrics: Metrics;
}

/** One log line and one count for each request, once its last byte has gone or its client has. */
export function registerRequestLog(server: FastifyInstance, deps: RequestLogDependencies): void {
  server.addHook('onRequest', async (request, reply) => {
    request.record = new RequestRecord();
    let isSent = false;
    // An answer whose connection was lost with the rest of it counts as finished for Node as well.
    reply.raw.once('finish', () => {
      isSent = !request.raw.socket.destroyed;
    });
    reply.raw.once('close', () => record(request, reply, isSent, deps));
  });
}

function record(
  request: FastifyRequest,
  reply: FastifyReply,
  isSent: boolean,
  deps: RequestLogDependencies,
): void {
  const route = request.routeOptions.url ?? 'unknown';
  const status = isSent ? reply.statusCode : 499;
  const labels = { method: request.method, route, status: String(status) };
  deps.metrics.httpRequests.inc(labels);
  deps.metrics.httpDuration.observe(labels, reply.elapsedTime / 1000);
  if (traitsOf(request).predicts !== undefined) deps.metrics.ended(request.record);
  const level = status >= 500 && status !== 503 ? 'error' : traitsOf(request).isQuiet ? 'debug' : 'info';
  deps.logger[level](logLine(request, status, reply.elapsedTime), isSent ? 'request' : 'client left');
}

function logLine(request: FastifyRequest, status: number, durationMs: number): Record<string, unknown> {
  const model = request.record.model?.reference;
  return {
    request_id: request.id,
    trace_id: traceId(request),
    method: request.method,
    path: request.url.split('?', 1)[0],
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
function traceId(request: FastifyRequest): string | undefined {
  const header = request.headers['traceparent'];
  return typeof header === 'string'
    ? /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(header)?.[1]
    : undefined;
}
