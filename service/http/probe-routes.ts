import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../errors.js';
import type { Lifecycle } from '../lifecycle.js';
import type { ModelRegistry } from '../serving/model-registry.js';
import { HealthSchema, ReadySchema } from './schemas.js';

export interface ProbeDependencies {
  readonly lifecycle: Lifecycle;
  readonly models: Pick<ModelRegistry, 'current'>;
}

/** GET /health: the process works, or can again without a restart. GET /ready: traffic may come. Neither looks at anything outside this process. */
export function registerProbeRoutes(server: FastifyInstance, deps: ProbeDependencies): void {
  server.get(
    '/health',
    { schema: { summary: 'Liveness', tags: ['operation'], security: [], response: { 200: HealthSchema } } },
    async () => {
      if (deps.lifecycle.failed) {
        throw new ServiceError('RESTART_NEEDED', 'No inference thread is left and none can be started.');
      }
      return { status: 'ok' as const, state: deps.lifecycle.state };
    },
  );
  server.get(
    '/ready',
    {
      schema: {
        summary: 'Readiness: 200 when a model is loaded, warmed and checked',
        tags: ['operation'],
        security: [],
        response: { 200: ReadySchema },
      },
    },
    async () => {
      const model = deps.models.current;
      const { state } = deps.lifecycle;
      if (state === 'draining' || state === 'stopped') {
        throw new ServiceError('SHUTTING_DOWN', 'The service is shutting down.');
      }
      if (state !== 'ready' || model === undefined) {
        throw new ServiceError('NOT_READY', 'The model is still being loaded.');
      }
      if (model.slots === 0) {
        throw new ServiceError('NOT_READY', 'No inference thread is running; one is being started.');
      }
      return { ready: true as const, model: model.reference };
    },
  );
}
