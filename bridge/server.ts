import rateLimit from '@fastify/rate-limit';
import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { Logger } from '../service/telemetry/logging.js';
import { isAuthorized, readAlertsToken } from './access.js';
import type { Bridge, Decision } from './bridge.js';
import type { Metrics } from './metrics.js';
import { readNotification, trainingsAskedFor } from './notification.js';

export interface ServerOptions {
  readonly bridge: Pick<Bridge, 'handle' | 'waiting'>;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly alertsTokenFile: string;
  /** How long a request may take to arrive, milliseconds. */
  readonly requestTimeoutMs: number;
  /** From then on connections are closed as they are answered. */
  readonly stop: AbortSignal;
}

/** Fifty alerts, which is what the receiver sends at most, have some 100 kB. */
const MAX_BODY_BYTES = 512 * 1024;
const REQUESTS_PER_MINUTE = 120;
const MAX_CONNECTIONS = 256;
const MAX_WAITING = 16;
const RETRY_AFTER_SECONDS = 60;

/** What the world sees of the bridge: POST /alerts, GET /health, GET /metrics. Does not listen yet. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const server = fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: options.requestTimeoutMs,
    forceCloseConnections: 'idle',
    http: { connectionsCheckingInterval: 500, headersTimeout: options.requestTimeoutMs },
  });
  server.server.maxConnections = MAX_CONNECTIONS;
  await server.register(rateLimit, { global: false });
  server.setErrorHandler<FastifyError>((error, _, reply) => answerError(options.logger, error, reply));
  server.addHook('onSend', async (_, reply) => {
    if (options.stop.aborted) reply.header('connection', 'close');
  });
  server.addHook('onResponse', async (request, reply) => {
    options.metrics.requests.inc({ route: request.routeOptions.url ?? 'none', status: reply.statusCode });
  });
  server.get('/health', async () => ({ status: 'ok' }));
  server.get('/metrics', async (_, reply) => {
    reply.type(options.metrics.registry.contentType);
    return options.metrics.registry.metrics();
  });
  server.post('/alerts', {
    config: { rateLimit: { max: REQUESTS_PER_MINUTE, timeWindow: 60_000 } },
    // After the rate limit, which so counts guesses too, and before the body is read.
    preParsing: (request, reply) => demandToken(options, request, reply),
    handler: (request, reply) => takeNotification(options, request, reply),
  });
  return server;
}

async function demandToken(
  { alertsTokenFile }: ServerOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (isAuthorized(request.headers.authorization, await readAlertsToken(alertsTokenFile))) return;
  reply.header('www-authenticate', 'Bearer');
  await refuse(reply, 401, 'UNAUTHORIZED', 'POST /alerts wants the bearer token of ALERTS_TOKEN_FILE');
}

async function takeNotification(
  { bridge, metrics, logger }: ServerOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const notification = readNotification(request.body);
  if (notification === undefined) {
    return refuse(reply, 400, 'REQUEST_INVALID', 'the body is no notification of Alertmanager, version 4');
  }
  if (bridge.waiting >= MAX_WAITING)
    return refuse(reply, 503, 'OVERLOADED', 'too many notifications at once');
  const { requests, unnamed } = trainingsAskedFor(notification);
  if (unnamed > 0) logger.warn({ alerts: unnamed }, 'alerts without a model ask for a training');
  const decisions = await Promise.all(requests.map((each) => bridge.handle(each)));
  for (const { outcome } of decisions) metrics.decisions.inc({ outcome });
  return answer(reply, decisions);
}

/** Alertmanager sends again what it was answered 5xx for. */
function answer(reply: FastifyReply, decisions: readonly Decision[]): FastifyReply {
  if (!decisions.some(({ outcome }) => outcome === 'failed')) return reply.send({ decisions });
  return reply.code(503).header('retry-after', RETRY_AFTER_SECONDS).send({ decisions });
}

function answerError(logger: Logger, error: FastifyError, reply: FastifyReply): FastifyReply {
  const status = error.statusCode ?? 500;
  if (status >= 500) logger.error({ err: error }, 'INTERNAL');
  return refuse(reply, status, error.code ?? 'INTERNAL', status < 500 ? error.message : 'see the log');
}

function refuse(reply: FastifyReply, status: number, code: string, detail: string): FastifyReply {
  return reply.code(status).type('application/problem+json').send({ status, code, detail });
}
