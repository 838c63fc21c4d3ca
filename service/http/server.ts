import './request-context.js';
import cors from '@fastify/cors';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { AnswerKeeper } from '../answer-keeper.js';
import type { Logger } from '../telemetry/logging.js';
import type { Metrics } from '../telemetry/metrics.js';
import { RequestRecord } from '../telemetry/request-record.js';
import type { Tracing } from '../telemetry/tracing/tracing.js';
import { answerBrokenRequest } from './connections/broken-requests.js';
import { endConnectionsOnClose } from './connections/closing.js';
import { answerHalfClosed } from './connections/half-closed.js';
import { OpenRequests } from './connections/open-requests.js';
import { UnreadAnswers } from './connections/unread-answers.js';
import { endUnreadBody, isLeftUnread } from './connections/unread-body.js';
import { registerDocsRoutes } from './docs-routes.js';
import { sendError } from './error-responses.js';
import { registerFeedbackRoutes } from './feedback-routes.js';
import { checkKey, type GateDependencies, registerGate } from './gate.js';
import type { InputLimits } from './input/input-limits.js';
import { registerMetricsRoutes } from './metrics-routes.js';
import { registerModelRoutes } from './model-routes.js';
import { noRoute, refuseRoute } from './no-route.js';
import { registerPlaygroundRoutes } from './playground-routes.js';
import { registerPredictRoutes } from './predict-routes.js';
import { registerProbeRoutes } from './probe-routes.js';
import { checkHead, requestIdOf } from './request-head.js';
import { registerRequestLog } from './request-log.js';

/** The framework's server, for those outside this folder. */
export type HttpServer = FastifyInstance;

/** What all routes need together; each takes its own part of it. */
export interface ServerDependencies extends GateDependencies {
  readonly limits: InputLimits;
  /** Of the service. */
  readonly version: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Present where answers are kept, and feedback on them. */
  readonly keeper: AnswerKeeper | undefined;
  /** Present where traces are collected. */
  readonly tracing: Tracing | undefined;
  /** Answers that their clients have not read yet, all together. */
  readonly maxUnreadBytes: number;
  readonly trustProxyHops: number;
  readonly corsOrigins: readonly string[];
  /** Whether /health, /ready and /metrics are served elsewhere. */
  readonly hasManagementPort: boolean;
  /** Folder of the page at /; undefined where it is turned off. */
  readonly playground: string | undefined;
}

/** What a page of another origin may read of an answer beside its body. */
const EXPOSED_HEADERS = ['retry-after', 'server-timing', 'traceparent', 'x-request-id'];
/** What protects answers that are data, in a browser; the pages at / and /docs bring policies of their own. */
const SECURITY_HEADERS = {
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
};
/** Kept-alive connections outlive the idle time of the usual load balancers (60 s), so that these close first. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** On top of the deadline of a request, so that a slow upload gets an answer before it is cut off. */
const UPLOAD_GRACE_MS = 5_000;
/** How often connections are looked at that are late with their headers or their body. Node's own 30 s is an age. */
const LATE_CHECK_INTERVAL_MS = 1_000;

/** The service's front: routes, refusals, access, log. Does not listen. */
export async function createServer(deps: ServerDependencies): Promise<FastifyInstance> {
  const server = bareServer(deps);
  if (deps.corsOrigins.length > 0)
    await server.register(cors, { origin: [...deps.corsOrigins], exposedHeaders: EXPOSED_HEADERS });
  await registerGate(server, deps);
  await registerDocsRoutes(server, { needsKey: deps.apiKeys.required, models: deps.models });
  await server.register(async (routes) => {
    if (!deps.hasManagementPort) registerManagementRoutes(routes, deps);
    registerModelRoutes(routes, deps);
    registerPredictRoutes(routes, deps);
    registerFeedbackRoutes(routes, deps);
    await registerPlaygroundRoutes(routes, deps);
  });
  return server;
}

/** /health, /ready and /metrics alone, for a port that is not exposed. Does not listen. */
export async function createManagementServer(deps: ServerDependencies): Promise<FastifyInstance> {
  const server = bareServer(deps);
  server.addHook('onRequest', async (request) => checkKey(request, deps));
  registerManagementRoutes(server, deps);
  return server;
}

function registerManagementRoutes(server: FastifyInstance, deps: ServerDependencies): void {
  registerProbeRoutes(server, deps);
  registerMetricsRoutes(server, deps);
}

function bareServer(deps: ServerDependencies): FastifyInstance {
  const { requestTimeoutMs, maxUnreadBytes } = deps;
  const unreadAnswers = new UnreadAnswers(maxUnreadBytes);
  const settleConnection = (request: FastifyRequest, reply: FastifyReply): void => {
    const isLast = deps.lifecycle.state === 'draining' || isLeftUnread(request.raw);
    if (isLast) reply.header('connection', 'close');
    endUnreadBody(request.raw, reply.raw);
  };
  const server: FastifyInstance = fastify({
    loggerInstance: quietLogger(deps.logger),
    trustProxy: (_address, hop) => hop < deps.trustProxyHops,
    genReqId: requestIdOf,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs + UPLOAD_GRACE_MS,
    // Of a connection on which nothing moves.
    connectionTimeout: requestTimeoutMs + 2 * UPLOAD_GRACE_MS,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true },
    clientErrorHandler: (error, socket) =>
      void answerBrokenRequest(error, socket, openRequests, (method, path) => noRoute(server, method, path)),
    // With strictNumbers, what is infinite skips minimum and maximum.
    ajv: { customOptions: { removeAdditional: false, strictNumbers: false } },
    http: { connectionsCheckingInterval: LATE_CHECK_INTERVAL_MS, requireHostHeader: false },
    // Before any hook.
    frameworkErrors: (error, request, reply) => {
      request.record = new RequestRecord();
      reply.header('x-request-id', request.id);
      settleConnection(request, reply);
      sendError(error, request, reply);
    },
  });
  // What a schema compiles to takes 25 ms for the first answer to a batch, and drops in silence what it does not name.
  server.setSerializerCompiler(() => JSON.stringify);
  const openRequests = new OpenRequests(server.server);
  answerHalfClosed(server.server, openRequests);
  // Node would answer with an empty 417; here it takes the way of all requests, and is refused in checkHead.
  server.server.on('checkExpectation', (request, response) =>
    server.server.emit('request', request, response),
  );
  server.removeAllContentTypeParsers();
  // Bodies are read by image-input.ts, which knows their limits and the deadline.
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  registerRequestLog(server, deps);
  server.addHook('onRequest', (request, reply, next) => {
    reply.headers(SECURITY_HEADERS).header('x-request-id', request.id);
    checkHead(request.raw);
    next();
  });
  server.addHook('onSend', (request, reply, payload, next) => {
    if (typeof payload === 'string' || Buffer.isBuffer(payload))
      unreadAnswers.watch(reply.raw, payload.length);
    settleConnection(request, reply);
    next();
  });
  endConnectionsOnClose(server);
  server.setErrorHandler((error, request, reply) => sendError(error, request, reply));
  server.setNotFoundHandler((request, reply) => refuseRoute(server, request, reply));
  return server;
}

/** The framework's own lines are for its faults; what happens to requests is told by request-log.ts. */
function quietLogger(logger: Logger): FastifyBaseLogger {
  return logger.child({}, { level: 'warn' });
}
