import { setTimeout } from 'node:timers/promises';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Admission } from '../admission/admission.js';
import type { ApiKeys } from '../admission/api-keys.js';
import { RefusalPace } from '../admission/refusal-pace.js';
import { RequestScope } from '../admission/request-scope.js';
import { ServiceError } from '../errors.js';
import type { Lifecycle } from '../lifecycle.js';
import type { ModelRegistry } from '../serving/model-registry.js';
import { refuseRoute } from './no-route.js';
import { apiKeyOf, budgetMsOf } from './request-head.js';
import { traitsOf } from './route-table.js';

export interface KeyDependencies {
  readonly apiKeys: ApiKeys;
  /** Whether /metrics asks for an API key too. */
  readonly metricsRequireKey: boolean;
}

export interface GateDependencies extends KeyDependencies {
  readonly lifecycle: Lifecycle;
  readonly admission: Admission;
  readonly models: Pick<ModelRegistry, 'current'>;
  readonly requestTimeoutMs: number;
  /** Pace below which a body is given up; 0: none. */
  readonly minBodyBytesPerSecond: number;
  /** Of each client; 0: no limit. */
  readonly rateLimitPerMinute: number;
}

/** How long a body may take before its pace counts. */
const PACE_GRACE_MS = 2_000;
const METRICS_ROUTE = '/metrics';

/** What happens to every request before its body is looked at: access, and room for what predicts. */
export async function registerGate(server: FastifyInstance, deps: GateDependencies): Promise<void> {
  const pace = { bytesPerSecond: deps.minBodyBytesPerSecond, graceMs: PACE_GRACE_MS };
  const refusals = new RefusalPace();
  server.addHook('onRequest', async (request, reply) => {
    checkKey(request, deps);
    if (request.is404) refuseRoute(server, request, reply);
    const { predicts, judges } = traitsOf(request);
    if (predicts === undefined && judges === undefined) return;
    if (deps.lifecycle.state === 'stopped')
      throw new ServiceError('SHUTTING_DOWN', 'The service is shutting down.');
    if (deps.models.current === undefined)
      throw new ServiceError('NOT_READY', 'The model is still being loaded.');
    const budgetMs = budgetMsOf(request, deps.requestTimeoutMs);
    if (predicts !== undefined)
      await refusedAtPace(refusals, () => deps.admission.requireRoom(predicts, budgetMs));
    const traffic = predicts ?? 'single';
    const scope = new RequestScope({ traffic, budgetMs, body: deps.admission.openBody(traffic), pace });
    request.scope = scope;
    reply.raw.once('close', () => scope.end(!reply.raw.writableFinished));
  });
  if (deps.rateLimitPerMinute > 0) await registerRateLimit(server, deps);
}

/** Throws UNAUTHORIZED, and RATE_LIMITED for whoever guesses keys. */
export function checkKey(request: FastifyRequest, { apiKeys, metricsRequireKey }: KeyDependencies): void {
  const isClosed = request.routeOptions.url === METRICS_ROUTE && metricsRequireKey;
  if (traitsOf(request).isOpen && !isClosed) return;
  apiKeys.check(apiKeyOf(request), request.ip);
}

/** Refuses at once, unless very many are refused. */
async function refusedAtPace(refusals: RefusalPace, requireRoom: () => void): Promise<void> {
  try {
    requireRoom();
  } catch (error) {
    const delayMs = refusals.delayAt(performance.now());
    if (delayMs > 0) await setTimeout(delayMs);
    throw error;
  }
}

async function registerRateLimit(
  server: FastifyInstance,
  { rateLimitPerMinute, apiKeys }: GateDependencies,
): Promise<void> {
  await server.register(rateLimit, {
    max: rateLimitPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) => apiKeys.clientOf(apiKeyOf(request), request.ip),
    allowList: (request) => traitsOf(request).predicts === undefined && !traitsOf(request).judges,
    errorResponseBuilder: (_request, context) =>
      new ServiceError('RATE_LIMITED', `${context.max} requests per minute are allowed.`, {
        retryAfterSeconds: Math.ceil(context.ttl / 1000),
      }),
  });
}
