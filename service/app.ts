import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Admission } from './admission/admission.js';
import { ApiKeys } from './admission/api-keys.js';
import type { Capture } from './capture/capture.js';
import { openCapture } from './capture/open-capture.js';
import type { Config } from './config.js';
import type { HttpServer, ServerDependencies } from './http/server.js';
import { Lifecycle, type Resource } from './lifecycle.js';
import { type Machine, readCpuBudget, readMemoryBudget, readThrottledPeriods } from './machine.js';
import { PACKAGE_ROOT, PLAYGROUND } from './package-files.js';
import { loadModel } from './serving/load-model.js';
import { ModelRegistry } from './serving/model-registry.js';
import { limitProcess } from './sizing.js';
import type { Logger } from './telemetry/logging.js';
import { Metrics } from './telemetry/metrics.js';
import type { LastSpans } from './telemetry/tracing/last-spans.js';
import type { Traces } from './telemetry/tracing/open-tracing.js';
import { tracingSettings } from './telemetry/tracing/settings.js';

/** Of the time that a drain may take: what is not captured by then is dropped, so that it does not end in an abort. */
const SHARE_FOR_CAPTURES = 0.9;
/** The same of spans, which are sent after them. */
const SHARE_FOR_SPANS = 0.95;

export interface AppOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Threads of libuv's pool, on which images are decoded. */
  readonly uvThreads: number;
  /** Lines that the log had to drop since the start. */
  readonly droppedLogLines?: () => number;
}

/** The parts of the service, put together; nothing listens yet. */
export interface App {
  readonly server: HttpServer;
  /** Present where a management port is configured. */
  readonly managementServer: HttpServer | undefined;
  readonly lifecycle: Lifecycle;
  /**
   * Fetches, loads, warms and checks the model, then turns ready. Throws a start-up error of the catalogue.
   * @param onFetched told when its files are here, and others than this thread have begun with it
   */
  loadModel(signal: AbortSignal, onFetched?: () => void): Promise<void>;
  /** In the order in which they are drained. */
  readonly resources: readonly Resource[];
}

/** What is there before the servers are. */
export interface Core extends Pick<App, 'lifecycle' | 'loadModel'> {
  readonly models: ModelRegistry;
  readonly admission: Admission;
  readonly metrics: Metrics;
  /** Present where answers are kept. */
  readonly keeper: Capture | undefined;
  readonly maxUnreadBytes: number;
}

export function createCore(options: AppOptions): Core {
  const { config, logger } = options;
  const models = new ModelRegistry();
  const lifecycle = new Lifecycle(() => models.current?.cannotHeal === true);
  const machine = readMachine(options);
  const limits = limitProcess(machine, config);
  const admission = new Admission(
    {
      maxImages: limits.maxInFlightImages,
      maxBytes: limits.maxInFlightBytes,
      maxExpectedWaitMs: config.maxExpectedWaitMs,
    },
    (traffic) => models.current?.predictor.expectedMs(traffic, []) ?? 0,
  );
  const metrics: Metrics = new Metrics({
    // As /ready says it: without an inference thread no traffic comes.
    ready: () => lifecycle.state === 'ready' && (models.current?.slots ?? 0) > 0,
    inFlightImages: () => admission.images,
    inFlightLimitImages: () => admission.maxImages,
    inFlightBytes: () => admission.bytes,
    expectedWaitSeconds: () =>
      Math.max(admission.expectedWaitMs('single'), admission.expectedWaitMs('batch')) / 1000,
    expectedWaitLimitSeconds: () => admission.maxExpectedWaitMs / 1000,
    cpuThrottledPeriods: readThrottledPeriods,
    droppedLogLines: () => options.droppedLogLines?.() ?? 0,
    capturePendingBytes: () => keeper?.pendingBytes ?? 0,
    models: () => (models.current === undefined ? [] : [models.current.load]),
  });
  const keeper = openCapture(config, metrics, logger);
  return {
    lifecycle,
    models,
    admission,
    metrics,
    keeper,
    maxUnreadBytes: limits.maxInFlightBytes,
    async loadModel(signal, onFetched) {
      const startedAt = performance.now();
      const model = await loadModel({ config, logger, machine, limits, metrics, onFetched }, signal);
      models.install(model);
      lifecycle.markReady();
      const { name, version, digest, execution_provider } = model.description;
      const seconds = (performance.now() - startedAt) / 1000;
      model.metrics.loaded(seconds, { version, digest, provider: execution_provider });
      const ready_ms = Math.round(performance.now() - startedAt);
      logger.info({ model: `${name}@${version}`, digest, execution_provider, ready_ms }, 'ready');
    },
  };
}

/** @param core whose model may be on its way already: it takes about as long as the servers do */
export async function createApp(options: AppOptions, core: Core = createCore(options)): Promise<App> {
  const { config, logger } = options;
  const { models, lifecycle, loadModel: load, ...parts } = core;
  const version = await readVersion();
  core.metrics.buildInfo.set({ version }, 1);
  const { createManagementServer, createServer } = await import('./http/server.js');
  const traces = await openTraces(options, version);
  const dependencies: ServerDependencies = {
    ...config,
    ...parts,
    hasManagementPort: config.managementPort !== undefined,
    playground: config.playground === 'on' ? PLAYGROUND : undefined,
    limits: config,
    version,
    logger,
    lifecycle,
    apiKeys: new ApiKeys(config.apiKeys),
    models,
    tracing: traces?.tracing,
  };
  const server = await createServer(dependencies);
  const managementServer =
    config.managementPort === undefined ? undefined : await createManagementServer(dependencies);
  const behind = { keeper: core.keeper, spans: traces?.spans };
  const resources = drainOrder({ server, managementServer, models }, behind, config.drainTimeoutMs);
  return { server, managementServer, lifecycle, loadModel: load, resources };
}

/** Present where somebody collects traces. OpenTelemetry takes a while to load, and others need not wait for it. */
async function openTraces({ config, logger }: AppOptions, version: string): Promise<Traces | undefined> {
  const settings = tracingSettings(config);
  if (settings === undefined) return undefined;
  const { openTracing } = await import('./telemetry/tracing/open-tracing.js');
  return openTracing(settings, version, logger);
}

/**
 * Requests first, then what they wait for, and what is left of captures and spans last, in time for the deadline. The
 * management port answers to the last.
 */
function drainOrder(
  { server, managementServer, models }: Pick<App, 'server' | 'managementServer'> & Pick<Core, 'models'>,
  { keeper, spans }: { readonly keeper: Capture | undefined; readonly spans: LastSpans | undefined },
  timeoutMs: number,
): Resource[] {
  const closeServer = (name: string, instance: HttpServer): Resource => ({
    name,
    close: async () => void (await instance.close()),
    destroy: async () => instance.server.closeAllConnections(),
  });
  const http = closeServer('http', server);
  const closeHttp = (): Promise<void> => {
    keeper?.endWithin(timeoutMs * SHARE_FOR_CAPTURES);
    spans?.endWithin(timeoutMs * SHARE_FOR_SPANS);
    return http.close();
  };
  return [
    { ...http, close: closeHttp },
    { name: 'models', close: () => models.close(), destroy: () => models.destroy() },
    ...(keeper === undefined ? [] : [keeper]),
    ...(spans === undefined ? [] : [spans]),
    ...(managementServer === undefined ? [] : [closeServer('management', managementServer)]),
  ];
}

function readMachine({ logger, uvThreads }: AppOptions): Machine {
  const cpu = readCpuBudget();
  const machine = { cores: cpu.cores, memoryBytes: readMemoryBudget(), uvThreads };
  logger.info({ ...machine, because: cpu.source }, 'machine');
  return machine;
}

async function readVersion(): Promise<string> {
  const file = join(PACKAGE_ROOT, 'package.json');
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  return version;
}
