import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ModelRegistry } from '../serving/model-registry.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type StageTimings, stagesOf } from '../telemetry/stage-timings.js';
import { traitsOf } from './route-table.js';

export interface RequestLogDependencies {
  readonly logger: FastifyBaseLogger;
  readonly metrics: Metrics;
  readonly models: Pick<ModelRegistry, 'current'>;
}

/** One log line and one count for each request, once its last byte has gone or its client has. */
export function registerRequestLog(server: FastifyInstance, deps: RequestLogDependencies): void {
  server.addHook('onRequest', async (request, reply) => {
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
  if (request.failure !== undefined && traitsOf(request).predicts) {
    deps.metrics.rejections.inc({ code: request.failure.code });
  }
  const level = status >= 500 && status !== 503 ? 'error' : traitsOf(request).isQuiet ? 'debug' : 'info';
  deps.logger[level](logLine(request, status, reply.elapsedTime, deps), isSent ? 'request' : 'client left');
}

function logLine(
  request: FastifyRequest,
  status: number,
  durationMs: number,
  deps: RequestLogDependencies,
): Record<string, unknown> {
  const model = deps.models.current?.reference;
  return {
    request_id: request.id,
    trace_id: traceId(request),
    method: request.method,
    path: request.url.split('?', 1)[0],
    status,
    duration_ms: round(durationMs),
    ...(request.timings && { stages_ms: roundedStages(request.timings) }),
    ...(traitsOf(request).predicts && model && { model: `${model.name}@${model.version}` }),
    ...request.summary,
    ...failureOf(request, status),
  };
}

/** The cause only where it is ours: a stack for each bad image would hand the log to whoever sends them. */
function failureOf(request: FastifyRequest, status: number): Record<string, unknown> {
  if (request.failure === undefined) return {};
  const { code, thrown } = request.failure;
  return status >= 500 ? { code, err: thrown } : { code };
}

/** W3C Trace Context: version, trace id, parent id, flags. */
function traceId(request: FastifyRequest): string | undefined {
  const header = request.headers['traceparent'];
  return typeof header === 'string'
    ? /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(header)?.[1]
    : undefined;
}

function roundedStages(timings: StageTimings): Record<string, number> {
  return Object.fromEntries(stagesOf(timings).map(([stage, ms]) => [stage, round(ms)]));
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
