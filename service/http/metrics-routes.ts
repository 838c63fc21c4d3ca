import type { FastifyInstance } from 'fastify';
import type { ServerDependencies } from './server.js';

/** GET /metrics in the text format of Prometheus. */
export function registerMetricsRoutes(server: FastifyInstance, deps: ServerDependencies): void {
  server.get(
    '/metrics',
    {
      config: { textAnswer: 'The text format of Prometheus' },
      schema: {
        summary: 'Prometheus metrics',
        tags: ['operation'],
        ...(!deps.options.metricsRequireKey && { security: [] }),
      },
    },
    async (_, reply) => {
      deps.metrics.observe(deps.liveValues());
      return reply.type(deps.metrics.registry.contentType).send(await deps.metrics.registry.metrics());
    },
  );
}
