import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServerDependencies } from './server.js';

/** Routes that are called so often, by machines, that a line each would drown the rest. */
const QUIET_ROUTES = new Set(['/health', '/ready', '/metrics']);

/** One log line and one count for each request, once its last byte has gone or its client has. */
export function registerRequestLog(server: FastifyInstance, deps: ServerDependencies): void {
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
  deps: ServerDependencies,
): void {
  const route = request.routeOptions.url ?? 'unknown';
  const status = isSent ? reply.statusCode : 499;
  const labels = { method: request.method, route, status: String(status) };
  deps.metrics.httpRequests.inc(labels);
  deps.metrics.httpDuration.observe(labels, reply.elapsedTime / 1000);
  if (request.failure !== undefined && request.routeOptions.config.predicts === true) {
    deps.metrics.rejections.inc({ code: request.failure.code });
  }
  const level = status >= 500 && status !== 503 ? 'error' : QUIET_ROUTES.has(route) ? 'debug' : 'info';
  deps.logger[level](logLine(request, status, reply.elapsedTime, deps), isSent ? 'request' : 'client left');
}

function logLine(
  request: FastifyRequest,
  status: number,
  durationMs: number,
  deps: ServerDependencies,
): Record<string, unknown> {
  const model = deps.predictor()?.model;
  return {
    request_id: request.id,
    trace_id: traceId(request),
    method: request.method,
    path: request.url.split('?', 1)[0],
    status,
    duration_ms: round(durationMs),
    ...(request.timings && { stages_ms: mapValues(request.timings, round) }),
    ...(request.routeOptions.config.predicts === true &&
      model && { model: `${model.name}@${model.version}` }),
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

function mapValues<Key extends string>(
  values: Readonly<Record<Key, number>>,
  map: (value: number) => number,
) {
  return Object.fromEntries(Object.entries<number>(values).map(([key, value]) => [key, map(value)]));
}

function round(ms: number): number {
  return Math.round(ms * 100) / 100;
}
