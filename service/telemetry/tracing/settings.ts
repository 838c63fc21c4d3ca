import type { Config } from '../../config.js';

/** Where traces go, and which. */
export interface TracingSettings {
  readonly url: string;
  readonly protocol: 'http/protobuf' | 'http/json';
  /** Where it is named; the resource's attributes may name it as well. */
  readonly serviceName: string | undefined;
  readonly sampler: Config['otelTracesSampler'];
  /** Share of traces, 0 to 1, where the sampler takes a share. */
  readonly share: number;
}

/** Where OpenTelemetry's exporters send to unless they are told where. */
const USUAL_ENDPOINT = 'http://localhost:4318';

/** As the standard variables say it; undefined where nobody collects traces. */
export function tracingSettings(config: Config): TracingSettings | undefined {
  const url = urlOf(config);
  if (url === undefined || config.otelSdkDisabled || config.otelTracesExporter === 'none') return undefined;
  return {
    url,
    protocol: config.otelExporterOtlpTracesProtocol ?? config.otelExporterOtlpProtocol,
    serviceName: config.otelServiceName,
    sampler: config.otelTracesSampler,
    share: config.otelTracesSamplerArg,
  };
}

function urlOf(config: Config): string | undefined {
  const { otelExporterOtlpEndpoint, otelExporterOtlpTracesEndpoint, otelTracesExporter } = config;
  if (otelExporterOtlpTracesEndpoint !== undefined) return otelExporterOtlpTracesEndpoint;
  const endpoint = otelExporterOtlpEndpoint ?? (otelTracesExporter === 'otlp' ? USUAL_ENDPOINT : undefined);
  return endpoint && `${endpoint.replace(/\/$/, '')}/v1/traces`;
}
