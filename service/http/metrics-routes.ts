import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../telemetry/metrics.js';

export interface MetricsDependencies {
  readonly metrics: Metrics;
  readonly metricsRequireKey: boolean;
}

/** GET /metrics in the text format of Prometheus. */
export function registerMetricsRoutes(server: FastifyInstance, deps: MetricsDependencies): void {
  let reading: Promise<string> | undefined;
  // Those who ask at the same time get the same text: it costs milliseconds to make.
  const read = (): Promise<string> => {
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
        ...(!deps.metricsRequireKey && { security: [] }),
      },
    },
    async (_, reply) => reply.type(deps.metrics.registry.contentType).send(await read()),
  );
}
