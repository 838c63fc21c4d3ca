import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../errors.js';
import type { ModelRegistry } from '../serving/model-registry.js';
import { ModelSchema } from './schemas.js';

export interface ModelDependencies {
  readonly models: Pick<ModelRegistry, 'current'>;
  /** Of the service. */
  readonly version: string;
}

/** GET /model: what answers here, and on what. */
export function registerModelRoutes(server: FastifyInstance, deps: ModelDependencies): void {
  server.get(
    '/model',
    { schema: { summary: 'The model in use', tags: ['model'], response: { 200: ModelSchema } } },
    async () => {
      const description = deps.models.current?.description;
      if (description === undefined) throw new ServiceError('NOT_READY', 'The model is still being loaded.');
      return { ...description, service_version: deps.version };
    },
  );
}
