import { readFile } from 'node:fs/promises';
import { Admission } from './admission/admission.js';
import { ApiKeys } from './admission/api-keys.js';
import type { Config } from './config.js';
import { messageOf, ServiceError } from './errors.js';
import {
  createManagementServer,
  createServer,
  type HttpServer,
  type ServerDependencies,
} from './http/server.js';
import { Lifecycle, type Resource } from './lifecycle.js';
import {
  chooseSizing,
  readCpuBudget,
  readMemoryBudget,
  readThrottledPeriods,
  type Sizing,
} from './sizing.js';
import { type ServingModel, startModel } from './start-model.js';
import type { Logger } from './telemetry/logging.js';
import { Metrics } from './telemetry/metrics.js';

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
  /** Fetches, loads, warms and checks the model, then turns ready. Throws a start-up error of the catalogue. */
  loadModel(signal: AbortSignal): Promise<void>;
  /** In the order in which they are drained. */
  readonly resources: readonly Resource[];
}

export async function createApp(options: AppOptions): Promise<App> {
  const { config, logger } = options;
  const metrics = new Metrics();
  const lifecycle = new Lifecycle(() => running?.pool.cannotHeal === true);
  let sizing = sizeFor(options, config.executionProviders[0] ?? 'cpu');
  let running: ServingModel | undefined;
  const limits = {
    get maxImages() {
      return sizing.maxInFlightImages;
    },
    maxBytes: sizing.maxInFlightBytes,
    maxExpectedWaitMs: config.maxExpectedWaitMs,
  };
  const admission = new Admission(limits, () => running?.predictor.expectedMs([]) ?? 0);
  const resizeFor = (provider: string): Sizing => {
    sizing = sizeFor(options, provider);
    return sizing;
  };
  const version = await readVersion();
  metrics.buildInfo.set({ version }, 1);
  const dependencies: ServerDependencies = {
    options: {
      ...config,
      hasManagementPort: config.managementPort !== undefined,
      maxUnreadBytes: sizing.maxInFlightBytes,
    },
    limits: config,
    version,
    logger,
    lifecycle,
    metrics,
    admission,
    apiKeys: new ApiKeys(await readApiKeys(config)),
    predictor: () => running?.predictor,
    modelDescription: () => running?.description,
    slots: () => running?.pool.slots ?? 0,
    liveValues: () => ({
      // As /ready says it: without an inference thread no traffic comes.
      ready: lifecycle.state === 'ready' && (running?.pool.slots ?? 0) > 0,
      inFlightImages: admission.images,
      inFlightLimitImages: admission.maxImages,
      inFlightBytes: admission.bytes,
      expectedWaitSeconds: admission.expectedWaitMs / 1000,
      expectedWaitLimitSeconds: admission.maxExpectedWaitMs / 1000,
      slots: running?.pool.slots ?? 0,
      queuedImages: running?.predictor.batcher.queuedImages ?? 0,
      queuedBytes: running?.predictor.batcher.queuedBytes ?? 0,
      decodesActive: running?.predictor.decoder.active ?? 0,
      decodesWaiting: running?.predictor.decoder.waiting ?? 0,
      cpuThrottledPeriods: readThrottledPeriods(),
      droppedLogLines: options.droppedLogLines?.() ?? 0,
    }),
  };
  const server = await createServer(dependencies);
  const managementServer =
    config.managementPort === undefined ? undefined : await createManagementServer(dependencies);
  return {
    server,
    managementServer,
    lifecycle,
    async loadModel(signal) {
      const startedAt = performance.now();
      running = await startModel({ config, logger, sizing, metrics, resizeFor }, signal);
      metrics.modelLoad.set((performance.now() - startedAt) / 1000);
      lifecycle.markReady();
      const { name, version, digest, execution_provider } = running.description;
      const ready_ms = Math.round(performance.now() - startedAt);
      logger.info({ model: `${name}@${version}`, digest, execution_provider, ready_ms }, 'ready');
    },
    resources: drainOrder(server, managementServer, () => running),
  };
}

/** Requests first, then what they wait for. The management port answers to the last. */
function drainOrder(
  server: HttpServer,
  managementServer: HttpServer | undefined,
  running: () => ServingModel | undefined,
): Resource[] {
  const closeServer = (name: string, instance: HttpServer): Resource => ({
    name,
    close: async () => void (await instance.close()),
    destroy: async () => instance.server.closeAllConnections(),
  });
  return [
    closeServer('http', server),
    {
      name: 'batcher',
      close: async () => running()?.predictor.batcher.close(),
      destroy: async () => running()?.predictor.batcher.destroy(),
    },
    {
      name: 'decoder',
      close: async () => running()?.predictor.decoder.close(),
      destroy: async () => running()?.predictor.decoder.destroy(),
    },
    {
      name: 'workers',
      close: async () => running()?.pool.close(),
      destroy: async () => running()?.pool.destroy(),
    },
    ...(managementServer === undefined ? [] : [closeServer('management', managementServer)]),
  ];
}

function sizeFor({ config, logger, uvThreads }: AppOptions, provider: string): Sizing {
  const cpu = readCpuBudget();
  const sizing = chooseSizing(
    {
      cores: cpu.cores,
      memoryBytes: readMemoryBudget(),
      usesGpu: provider !== 'cpu',
      uvThreads,
    },
    config,
  );
  logger.info({ provider, cores: cpu.cores, because: cpu.source, uv_threads: uvThreads, ...sizing }, 'sized');
  return sizing;
}

async function readVersion(): Promise<string> {
  // Tests run the sources; what ships lies one folder deeper.
  const file = new URL(
    import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json',
    import.meta.url,
  );
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  return version;
}

async function readApiKeys(config: Config): Promise<string[]> {
  if (config.apiKeysFile === undefined) return [...config.apiKeys];
  try {
    const lines = (await readFile(config.apiKeysFile, 'utf8')).split('\n').map((line) => line.trim());
    return [...config.apiKeys, ...lines.filter((line) => line !== '' && !line.startsWith('#'))];
  } catch (cause) {
    throw new ServiceError('CONFIG_INVALID', `API_KEYS_FILE cannot be read: ${messageOf(cause)}`, { cause });
  }
}
