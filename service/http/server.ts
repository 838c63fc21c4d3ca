import { setTimeout } from 'node:timers/promises';
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
} from 'fastify';
import type { Admission } from '../admission/admission.js';
import type { ApiKeys } from '../admission/api-keys.js';
import { RefusalPace } from '../admission/refusal-pace.js';
import { RequestScope } from '../admission/request-scope.js';
import { type RequestErrorCode, ServiceError } from '../errors.js';
import type { Lifecycle } from '../lifecycle.js';
import type { Predictor } from '../predict.js';
import type { LiveValues, Metrics } from '../telemetry/metrics.js';
import type { StageTimings } from '../telemetry/stage-timings.js';
import { answerBrokenRequest } from './connections/broken-requests.js';
import { endConnectionsOnClose } from './connections/closing.js';
import { answerHalfClosed } from './connections/half-closed.js';
import { OpenRequests } from './connections/open-requests.js';
import { UnreadAnswers } from './connections/unread-answers.js';
import { endUnreadBody, takeInBodyBeforeClose } from './connections/unread-body.js';
import { registerDocsRoutes } from './docs-routes.js';
import { sendError } from './error-responses.js';
import type { InputLimits } from './input/image-input.js';
import { registerMetricsRoutes } from './metrics-routes.js';
import { registerModelRoutes } from './model-routes.js';
import { registerPredictRoutes } from './predict-routes.js';
import { registerProbeRoutes } from './probe-routes.js';
import { apiKeyOf, budgetMsOf, checkHead, requestIdOf } from './request-head.js';
import { registerRequestLog } from './request-log.js';
import type { ModelDescription } from './schemas.js';

/** The framework's server, for those outside this folder. */
export type HttpServer = FastifyInstance;

export interface ServerOptions {
  readonly requestTimeoutMs: number;
  /** Pace below which a body is given up; 0: none. */
  readonly minBodyBytesPerSecond: number;
  /** Answers that their clients have not read yet, all together. */
  readonly maxUnreadBytes: number;
  /** Whether /metrics asks for an API key too. */
  readonly metricsRequireKey: boolean;
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
  /** Runs of the model that can be under way at once; 0 while no inference thread works. */
  readonly slots: () => number;
  /** Read at each scrape. */
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
    /** What the answer is where it is a text, for the OpenAPI document. */
    textAnswer?: string;
  }
}

/** Probes that stay open where API keys are set. */
const OPEN_ROUTES = new Set(['/health', '/ready']);
const METRICS_ROUTE = '/metrics';
/** What a page of another origin may read of an answer beside its body. */
const EXPOSED_HEADERS = ['retry-after', 'server-timing', 'x-request-id'];
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
/** How long a body may take before its pace counts. */
const PACE_GRACE_MS = 2_000;
/** How often connections are looked at that are late with their headers or their body. Node's own 30 s is an age. */
const LATE_CHECK_INTERVAL_MS = 1_000;

/** The service's front: routes, refusals, access, log. Does not listen. */
export async function createServer(deps: ServerDependencies): Promise<FastifyInstance> {
  const server = bareServer(deps);
  await server.register(helmet, SECURITY_HEADERS);
  if (deps.options.corsOrigins.length > 0)
    await server.register(cors, { origin: [...deps.options.corsOrigins], exposedHeaders: EXPOSED_HEADERS });
  registerAdmission(server, deps);
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
  server.addHook('onRequest', async (request) => checkKey(request, deps));
  registerManagementRoutes(server, deps);
  return server;
}

function registerManagementRoutes(server: FastifyInstance, deps: ServerDependencies): void {
  registerProbeRoutes(server, deps);
  registerMetricsRoutes(server, deps);
}

function bareServer(deps: ServerDependencies): FastifyInstance {
  const { requestTimeoutMs, maxUnreadBytes } = deps.options;
  const unreadAnswers = new UnreadAnswers(maxUnreadBytes);
  const server: FastifyInstance = fastify({
    loggerInstance: quietLogger(deps.logger),
    trustProxy: (_address, hop) => hop < deps.options.trustProxyHops,
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
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id);
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
  server.decorateRequest('timings', undefined);
  server.decorateRequest('summary', undefined);
  server.decorateRequest('failure', undefined);
  server.removeAllContentTypeParsers();
  // Bodies are read by image-input.ts, which knows their limits and the deadline.
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  server.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    checkHead(request.raw);
  });
  server.addHook('onSend', async (request, reply, payload) => {
    if (deps.lifecycle.state === 'draining') reply.header('connection', 'close');
    if (typeof payload === 'string') unreadAnswers.watch(reply.raw, payload.length);
    await takeInBodyBeforeClose(request.raw);
  });
  server.addHook('onResponse', async (request) => endUnreadBody(request.raw));
  endConnectionsOnClose(server);
  server.setErrorHandler((error, request, reply) => sendError(error, request, reply));
  server.setNotFoundHandler((request, reply) => refuseRoute(server, request, reply));
  registerRequestLog(server, deps);
  return server;
}

/** The framework's own lines are for its faults; what happens to requests is told by request-log.ts. */
function quietLogger(logger: FastifyBaseLogger): FastifyBaseLogger {
  return logger.child({}, { level: 'warn' });
}

/** What happens to every request before its body is looked at. */
function registerAdmission(server: FastifyInstance, deps: ServerDependencies): void {
  const { requestTimeoutMs, minBodyBytesPerSecond } = deps.options;
  const pace = { bytesPerSecond: minBodyBytesPerSecond, graceMs: PACE_GRACE_MS };
  const refusals = new RefusalPace();
  server.addHook('onRequest', async (request, reply) => {
    checkKey(request, deps);
    if (request.is404) refuseRoute(server, request, reply);
    if (request.routeOptions.config.predicts !== true) return;
    if (deps.lifecycle.state === 'stopped')
      throw new ServiceError('SHUTTING_DOWN', 'The service is shutting down.');
    if (deps.predictor() === undefined)
      throw new ServiceError('NOT_READY', 'The model is still being loaded.');
    const budgetMs = budgetMsOf(request, requestTimeoutMs);
    await requireRoom(deps.admission, budgetMs, refusals);
    const scope = new RequestScope({ budgetMs, body: deps.admission.openBody(), pace });
    request.scope = scope;
    reply.raw.once('close', () => scope.end(!reply.raw.writableFinished));
  });
}

/** Refuses at once, unless very many are refused. */
async function requireRoom(admission: Admission, budgetMs: number, refusals: RefusalPace): Promise<void> {
  try {
    admission.requireRoom(budgetMs);
  } catch (error) {
    const delayMs = refusals.delayAt(performance.now());
    if (delayMs > 0) await setTimeout(delayMs);
    throw error;
  }
}

function checkKey(request: FastifyRequest, { apiKeys, options }: ServerDependencies): void {
  const route = request.routeOptions.url ?? '';
  if (OPEN_ROUTES.has(route) || (route === METRICS_ROUTE && !options.metricsRequireKey)) return;
  apiKeys.check(apiKeyOf(request), request.ip);
}

async function registerRateLimit(
  server: FastifyInstance,
  perMinute: number,
  apiKeys: ApiKeys,
): Promise<void> {
  await server.register(rateLimit, {
    max: perMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => apiKeys.clientOf(apiKeyOf(request), request.ip),
    allowList: (request) => request.routeOptions.config.predicts !== true,
    errorResponseBuilder: (_request, context) =>
      new ServiceError('RATE_LIMITED', `${context.max} requests per minute are allowed.`, {
        retryAfterSeconds: Math.ceil(context.ttl / 1000),
      }),
  });
}

/** Before the framework looks at a body that has no taker. */
function refuseRoute(server: FastifyInstance, request: FastifyRequest, reply: FastifyReply): never {
  const { error, allow } = noRoute(server, request.method, request.url.split('?', 1)[0] ?? '');
  if (allow !== undefined) reply.header('allow', allow);
  throw error;
}

/** Why there is no answer at a path by a method; where another method has one, its headers say which. */
function noRoute(
  server: FastifyInstance,
  method: string,
  path: string,
): { error: ServiceError; allow: string | undefined } {
  const allowed = (['GET', 'POST'] as const).filter(
    (candidate) => server.findRoute({ url: path, method: candidate }) !== null,
  );
  if (allowed.length === 0 || allowed.some((candidate) => candidate === method)) {
    const error = new ServiceError('NOT_FOUND', 'There is nothing here. /docs lists what there is.');
    return { error, allow: undefined };
  }
  const detail = `${path} takes ${allowed.join(' and ')}, not ${method}.`;
  return { error: new ServiceError('METHOD_NOT_ALLOWED', detail), allow: allowed.join(', ') };
}
