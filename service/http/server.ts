import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import rateLimit from '@fastify/rate-limit';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import { type RequestErrorCode, ServiceError } from '../errors.js';
import type { Lifecycle } from '../lifecycle.js';
import type { Predictor } from '../predict.js';
import type { LiveValues, Metrics } from '../telemetry/metrics.js';
import type { StageTimings } from '../telemetry/stage-timings.js';
import type { ApiKeys } from './access.js';
import type { Admission } from './admission.js';
import {
  answerBrokenRequest,
  endConnectionsOnClose,
  endUnreadBody,
  takeInBodyBeforeClose,
} from './connections.js';
import { registerDocsRoutes } from './docs-routes.js';
import { sendError } from './error-responses.js';
import type { InputLimits } from './image-input.js';
import { registerMetricsRoutes } from './metrics-routes.js';
import { registerModelRoutes } from './model-routes.js';
import { registerPredictRoutes } from './predict-routes.js';
import { registerProbeRoutes } from './probe-routes.js';
import { registerRequestLog } from './request-log.js';
import { openScope, type RequestScope, requestBudgetMs } from './request-scope.js';
import type { ModelDescription } from './schemas.js';

/** The framework's server, for those outside this folder. */
export type HttpServer = FastifyInstance;

export interface ServerOptions {
  readonly requestTimeoutMs: number;
  readonly rateLimitPerMinute: number;
  readonly trustProxyHops: number;
  readonly corsOrigins: readonly string[];
  /** Whether /health, /ready and /metrics are served elsewhere. */
  readonly hasManagementPort: boolean;
}

export interface ServerDependencies {
  readonly options: ServerOptions;
  readonly limits: InputLimits;
  /** Of the service. */
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly admission: Admission;
  readonly apiKeys: ApiKeys;
  /** Undefined until a model is ready. */
  readonly predictor: () => Predictor | undefined;
  readonly modelDescription: () => ModelDescription | undefined;
  readonly liveValues: () => LiveValues;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Present on routes that predict. */
    scope: RequestScope;
    timings: StageTimings | undefined;
    /** What the log says of the images. */
    summary: Record<string, unknown> | undefined;
    failure: { code: RequestErrorCode; thrown: unknown } | undefined;
  }
  interface FastifyContextConfig {
    /** Whether the route takes images: admission, deadline and rate limit apply. */
    predicts?: boolean;
    /** The body, for the OpenAPI document. */
    requestBody?: unknown;
  }
}

/** Probes that stay open where API keys are set. */
const OPEN_ROUTES = new Set(['/health', '/ready', '/metrics']);
/** What protects answers that are data; the page at /docs brings a policy of its own. The others protect pages only. */
const SECURITY_HEADERS = {
  contentSecurityPolicy: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false,
} as const;
/** Kept-alive connections outlive the idle time of the usual load balancers (60 s), so that these close first. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;
/** On top of the deadline of a request, so that a slow upload gets an answer before it is cut off. */
const UPLOAD_GRACE_MS = 5_000;
/** How often connections are looked at that are late with their headers or their body. Node's own 30 s is an age. */
const LATE_CHECK_INTERVAL_MS = 1_000;

/** The service's front: routes, refusals, access, log. Does not listen. */
export async function createServer(deps: ServerDependencies): Promise<FastifyInstance> {
  const server = bareServer(deps);
  await server.register(helmet, SECURITY_HEADERS);
  if (deps.options.corsOrigins.length > 0)
    await server.register(cors, { origin: [...deps.options.corsOrigins] });
  await server.register(multipart, { throwFileSizeLimit: false });
  registerDoor(server, deps);
  if (deps.options.rateLimitPerMinute > 0)
    await registerRateLimit(server, deps.options.rateLimitPerMinute, deps.apiKeys);
  await registerDocsRoutes(server, deps.apiKeys.required);
  await server.register(async (routes) => {
    if (!deps.options.hasManagementPort) registerManagementRoutes(routes, deps);
    registerModelRoutes(routes, deps);
    registerPredictRoutes(routes, deps);
  });
  return server;
}

/** /health, /ready and /metrics alone, for a port that is not exposed. Does not listen. */
export async function createManagementServer(deps: ServerDependencies): Promise<FastifyInstance> {
  const server = bareServer(deps);
  registerManagementRoutes(server, deps);
  return server;
}

function registerManagementRoutes(server: FastifyInstance, deps: ServerDependencies): void {
  registerProbeRoutes(server, deps);
  registerMetricsRoutes(server, deps);
}

function bareServer(deps: ServerDependencies): FastifyInstance {
  const server = fastify({
    loggerInstance: quietLogger(deps.logger),
    trustProxy: (_address, hop) => hop < deps.options.trustProxyHops,
    genReqId: requestId,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeout: deps.options.requestTimeoutMs + UPLOAD_GRACE_MS,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true },
    clientErrorHandler: (error, socket) => answerBrokenRequest(error, socket),
    // With strictNumbers, what is infinite skips minimum and maximum.
    ajv: { customOptions: { removeAdditional: false, strictNumbers: false } },
    http: { connectionsCheckingInterval: LATE_CHECK_INTERVAL_MS },
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
      sendError(error, request, reply);
    },
  });
  server.decorateRequest('timings', undefined);
  server.decorateRequest('summary', undefined);
  server.decorateRequest('failure', undefined);
  server.removeAllContentTypeParsers();
  // Bodies are read by image-input.ts, which knows their limits and the deadline.
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  server.addHook('onSend', async (request, reply) => {
    if (deps.lifecycle.state === 'draining') reply.header('connection', 'close');
    await takeInBodyBeforeClose(request.raw);
  });
  server.addHook('onResponse', async (request) => endUnreadBody(request.raw));
  endConnectionsOnClose(server);
  server.setErrorHandler((error, request, reply) => sendError(error, request, reply));
  server.setNotFoundHandler((request, reply) => sendError(noRoute(server, request, reply), request, reply));
  registerRequestLog(server, deps);
  return server;
}

/** The framework's own lines are for its faults; what happens to requests is told by request-log.ts. */
function quietLogger(logger: FastifyBaseLogger): FastifyBaseLogger {
  return logger.child({}, { level: 'warn' });
}

/** What happens to every request before its body is looked at. */
function registerDoor(server: FastifyInstance, deps: ServerDependencies): void {
  server.addHook('onRequest', async (request, reply) => {
    if (!OPEN_ROUTES.has(request.routeOptions.url ?? '')) deps.apiKeys.check(request);
    if (request.routeOptions.config.predicts !== true) return;
    if (!deps.lifecycle.accepting) throw new ServiceError('SHUTTING_DOWN', 'The service is shutting down.');
    if (deps.predictor() === undefined)
      throw new ServiceError('NOT_READY', 'The model is still being loaded.');
    const budgetMs = requestBudgetMs(request, deps.options.requestTimeoutMs);
    const leave = deps.admission.enter(1, budgetMs);
    request.scope = openScope(reply, budgetMs, deps.admission.openBody());
    request.scope.onEnd(leave);
  });
}

async function registerRateLimit(
  server: FastifyInstance,
  perMinute: number,
  apiKeys: ApiKeys,
): Promise<void> {
  await server.register(rateLimit, {
    max: perMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => apiKeys.clientOf(request),
    allowList: (request) => request.routeOptions.config.predicts !== true,
    errorResponseBuilder: (_request, context) =>
      new ServiceError('RATE_LIMITED', `${context.max} requests per minute are allowed.`, {
        retryAfterSeconds: Math.ceil(context.ttl / 1000),
      }),
  });
}

/** The caller's own id where it is a sane one: it ends up in logs. */
function requestId(request: { headers: Record<string, string | string[] | undefined> }): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[\w.:/+=@-]{1,128}$/.test(given) ? given : randomUUID();
}

function noRoute(server: FastifyInstance, request: FastifyRequest, reply: FastifyReply): ServiceError {
  const path = request.url.split('?', 1)[0] ?? '';
  const allowed = (['GET', 'POST'] as const).filter(
    (method) => server.findRoute({ url: path, method }) !== null,
  );
  if (allowed.length > 0 && !allowed.some((method) => method === request.method)) {
    reply.header('allow', allowed.join(', '));
    return new ServiceError(
      'METHOD_NOT_ALLOWED',
      `${path} takes ${allowed.join(' and ')}, not ${request.method}.`,
    );
  }
  return new ServiceError('NOT_FOUND', 'There is nothing here. /docs lists what there is.');
}
