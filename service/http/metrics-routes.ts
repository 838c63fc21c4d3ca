import type { FastifyInstance } from 'fastify';
import type { ServerDependencies } from './server.js';

/** GET /metrics in the text format of Prometheus. */
export function registerMetricsRoutes(server: FastifyInstance, deps: ServerDependencies): void {
  let reading: Promise<string> | undefined;
  // Those who ask at the same time get the same text: it costs milliseconds to make.
  const read = (): Promise<string> => {
    if (reading === undefined) deps.metrics.observe(deps.liveValues());
    reading ??= deps.metrics.registry.metrics().finally(() => {
      reading = undefined;
    });
    return reading;
  };
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
    async (_, reply) => reply.type(deps.metrics.registry.contentType).send(await read()),
  );
}
