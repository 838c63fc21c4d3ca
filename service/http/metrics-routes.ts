import type { FastifyInstance } from 'fastify';
import type { Metrics, MetricsFormat } from '../telemetry/metrics.js';
import { Accepted } from './accept.js';
import { varyByAccept } from './picture-answer.js';

export interface MetricsDependencies {
  readonly metrics: Metrics;
  readonly metricsRequireKey: boolean;
}

/** GET /metrics in the text format of Prometheus, or in OpenMetrics where that is preferred. */
export function registerMetricsRoutes(server: FastifyInstance, deps: MetricsDependencies): void {
  const reading: { [Format in MetricsFormat]?: Promise<string> } = {};
  // Those who ask at the same time get the same text: it costs milliseconds to make.
  const read = (format: MetricsFormat): Promise<string> => {
    reading[format] ??= deps.metrics.text(format).finally(() => {
      delete reading[format];
    });
    return reading[format];
  };
  server.get(
    '/metrics',
    {
      config: {
        textAnswer: 'The text format of Prometheus; OpenMetrics, with exemplars, where Accept prefers it',
      },
      schema: {
        summary: 'Prometheus metrics',
        tags: ['operation'],
        ...(!deps.metricsRequireKey && { security: [] }),
      },
    },
    async (request, reply) => {
      const format = formatFor(request.headers.accept);
      varyByAccept(reply);
      return reply.type(deps.metrics.contentType(format)).send(await read(format));
    },
  );
}

/** Whoever does not speak of OpenMetrics by name is not answered in it. */
function formatFor(accept: string | undefined): MetricsFormat {
  const accepted = new Accepted(accept);
  const isNamed = accept?.toLowerCase().includes('application/openmetrics-text') === true;
  const isPreferred = accepted.best(['text/plain', 'application/openmetrics-text']) !== 'text/plain';
  return isNamed && isPreferred ? 'openMetrics' : 'prometheus';
}
