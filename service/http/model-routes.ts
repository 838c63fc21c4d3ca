import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../errors.js';
import { ModelSchema } from './schemas.js';
import type { ServerDependencies } from './server.js';

/** GET /model: what answers here, and on what. */
export function registerModelRoutes(server: FastifyInstance, deps: ServerDependencies): void {
  server.get(
    '/model',
    { schema: { summary: 'The model in use', tags: ['model'], response: { 200: ModelSchema } } },
    async () => {
      const description = deps.modelDescription();
      if (description === undefined) throw new ServiceError('NOT_READY', 'The model is still being loaded.');
      return { ...description, service_version: deps.version };
    },
  );
}
