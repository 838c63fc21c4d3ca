import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Batcher } from './batching/batcher.js';
import type { Config } from './config.js';
import { messageOf, ServiceError } from './errors.js';
import { ApiKeys } from './http/access.js';
import { Admission } from './http/admission.js';
import type { ModelDescription } from './http/schemas.js';
import {
  createManagementServer,
  createServer,
  type HttpServer,
  type ServerDependencies,
} from './http/server.js';
import { preflight } from './inference/preflight.js';
import { WorkerPool } from './inference/worker-pool.js';
import { Lifecycle, type Resource } from './lifecycle.js';
import { fetchModel, type ModelFiles } from './model/fetch-model.js';
import { checkGolden } from './model/golden.js';
import { type ModelSpec, resolveModelSpec } from './model/model-spec.js';
import { Predictor } from './predict.js';
import { createDecoder } from './preprocess/decode.js';
import { chooseSizing, readCpuBudget, type Sizing } from './sizing.js';
import type { Logger } from './telemetry/logging.js';
import { Metrics } from './telemetry/metrics.js';

export interface AppOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Threads of libuv's pool, on which images are decoded. */
  readonly uvThreads: number;
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

/** Lines of ONNX Runtime's that are logged for one model. */
const MAX_ENGINE_WARNINGS = 10;

interface Running {
  readonly pool: WorkerPool;
  readonly predictor: Predictor;
  readonly description: ModelDescription;
}

export async function createApp(options: AppOptions): Promise<App> {
  const { config, logger } = options;
  const metrics = new Metrics();
  const lifecycle = new Lifecycle();
  const sizing = sizeFor(options);
  let running: Running | undefined;
  const admission = new Admission({
    maxImages: sizing.maxInFlightImages,
    expectedMs: (images) => running?.predictor.batcher.drainMs(images) ?? 0,
  });
  metrics.inFlightLimit.set(sizing.maxInFlightImages);
  const dependencies: ServerDependencies = {
    options: { ...config, hasManagementPort: config.managementPort !== undefined },
    limits: config,
    logger,
    lifecycle,
    metrics,
    admission,
    apiKeys: new ApiKeys(await readApiKeys(config)),
    predictor: () => running?.predictor,
    modelDescription: () => running?.description,
    liveValues: () => ({
      ready: lifecycle.state === 'ready',
      inFlightImages: admission.images,
      slots: running?.pool.slots ?? 0,
      queuedImages: running?.predictor.batcher.queuedImages ?? 0,
      queuedBytes: running?.predictor.batcher.queuedBytes ?? 0,
      decodesActive: running?.predictor.decoder.active ?? 0,
      decodesWaiting: running?.predictor.decoder.waiting ?? 0,
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
      running = await startModel(options, sizing, metrics, signal);
      metrics.modelLoad.set((performance.now() - startedAt) / 1000);
      lifecycle.markReady();
      const { description } = running;
      logger.info({ model: description, ready_ms: Math.round(performance.now() - startedAt) }, 'ready');
    },
    resources: drainOrder(server, managementServer, () => running),
  };
}

/** Requests first, then what they wait for. The management port answers to the last. */
function drainOrder(
  server: HttpServer,
  managementServer: HttpServer | undefined,
  running: () => Running | undefined,
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
      name: 'workers',
      close: async () => running()?.pool.close(),
      destroy: async () => running()?.pool.destroy(),
    },
    ...(managementServer === undefined ? [] : [closeServer('management', managementServer)]),
  ];
}

function sizeFor({ config, logger, uvThreads }: AppOptions): Sizing {
  const cpu = readCpuBudget();
  const usesGpu = config.executionProviders[0] !== 'cpu';
  const sizing = chooseSizing(cpu.cores, usesGpu, config, uvThreads);
  logger.info({ cores: cpu.cores, because: cpu.source, uv_threads: uvThreads, ...sizing }, 'sized');
  return sizing;
}

async function startModel(
  { config, logger }: AppOptions,
  sizing: Sizing,
  metrics: Metrics,
  signal: AbortSignal,
): Promise<Running> {
  const files = await fetchModel({
    uri: config.modelUri,
    cacheDir: config.modelCacheDir,
    maxModelBytes: config.modelMaxBytes,
    expectedSha256: config.modelSha256,
    attempts: config.modelDownloadAttempts,
    responseTimeoutMs: config.modelResponseTimeoutMs,
    stallTimeoutMs: config.modelStallTimeoutMs,
    httpBearerToken: config.modelHttpToken,
    s3: { endpoint: config.s3Endpoint, forcePathStyle: config.s3ForcePathStyle },
    logger,
    signal,
  });
  const session = {
    modelPath: files.modelPath,
    executionProviders: config.executionProviders,
    intraOpThreads: sizing.intraOpThreads,
  };
  const { warnings } = await preflight(session, signal);
  logEngineWarnings(warnings, logger);
  const pool = await WorkerPool.load({
    ...session,
    workers: sizing.workers,
    runTimeoutMs: config.runTimeoutMs,
    onWorkerLost: (reason, cause) => {
      metrics.workerRestarts.inc({ reason });
      logger.error(
        { reason, cause: cause === undefined ? undefined : messageOf(cause) },
        'inference thread lost',
      );
    },
  });
  try {
    return await prepare(files, pool, { config, logger }, sizing, metrics);
  } catch (error) {
    await pool.destroy().catch(() => undefined);
    throw error;
  }
}

/** A model can bring a warning for each of its weights. */
function logEngineWarnings(warnings: readonly string[], logger: Logger): void {
  for (const warning of warnings.slice(0, MAX_ENGINE_WARNINGS))
    logger.warn({ source: 'onnxruntime' }, warning);
  const more = warnings.length - MAX_ENGINE_WARNINGS;
  if (more > 0) logger.warn({ source: 'onnxruntime' }, `and ${more} more warnings like these`);
}

async function prepare(
  files: ModelFiles,
  pool: WorkerPool,
  { config, logger }: Pick<AppOptions, 'config' | 'logger'>,
  sizing: Sizing,
  metrics: Metrics,
): Promise<Running> {
  const { engine } = pool;
  for (const { provider, reason } of engine.unavailable) {
    logger.warn({ provider, reason, in_use: engine.provider }, 'execution provider not available');
  }
  const spec = resolveModelSpec(files.manifest, files.digest, engine);
  await pool.prepare(spec.plan);
  const maxBatchSize = Math.min(sizing.maxBatchSize, spec.plan.fixedBatch ?? sizing.maxBatchSize);
  const decoder = createDecoder({
    formats: new Set(config.imageFormats),
    maxPixels: config.maxImagePixels,
    spec: spec.plan.input,
    concurrency: sizing.decodeConcurrency,
    jpegTurbo: config.jpegTurbo ? 'auto' : 'off',
  });
  const batcher = new Batcher(pool, {
    maxBatchSize,
    maxWaitMs: config.maxBatchWaitMs,
    maxImages: sizing.maxInFlightImages,
    maxBytes: config.maxQueueBytes,
    onBuffers: (buffers) => decoder.recycle(buffers),
    onBatch: (images) => metrics.batchSize.observe(images),
  });
  const predictor = new Predictor(spec, decoder, batcher);
  await warmUp(pool, spec, maxBatchSize);
  await checkGolden(files.manifest.golden ?? [], (file) => readFile(join(files.directory, file)), predictor);
  metrics.modelInfo.set(
    { name: spec.name, version: spec.version, digest: spec.digest, provider: engine.provider },
    1,
  );
  return { pool, predictor, description: describe(spec, pool, sizing.workers, maxBatchSize) };
}

/** Every thread runs once, alone and with a full batch, so that no request pays for first allocations. */
async function warmUp(pool: WorkerPool, spec: ModelSpec, maxBatchSize: number): Promise<void> {
  const { width, height } = spec.plan.input;
  for (const size of new Set([1, maxBatchSize])) {
    const runs = Array.from({ length: pool.slots }, () =>
      pool.run(
        Array.from({ length: size }, () => ({ data: new ArrayBuffer(width * height * 3), width, height })),
      ),
    );
    for (const { items } of await Promise.all(runs)) {
      const failed = items.find((item) => 'failure' in item);
      if (failed !== undefined && 'failure' in failed) {
        throw new ServiceError('MODEL_INCOMPATIBLE', `The model cannot run: ${failed.failure}`);
      }
    }
  }
}

function describe(
  spec: ModelSpec,
  pool: WorkerPool,
  workers: number,
  maxBatchSize: number,
): ModelDescription {
  const { plan } = spec;
  const tensor = (list: typeof pool.engine.inputs, name: string) => {
    const found = list.find((candidate) => candidate.name === name);
    return { name, type: found?.type ?? 'unknown', shape: [...(found?.shape ?? [])] };
  };
  return {
    name: spec.name,
    version: spec.version,
    digest: spec.digest,
    task: spec.task,
    input: {
      tensor: tensor(pool.engine.inputs, plan.inputName),
      width: plan.input.width,
      height: plan.input.height,
      channels: plan.input.channels,
      resize: plan.input.resize.rule,
      filter: plan.input.resize.filter,
    },
    output: tensor(pool.engine.outputs, spec.classification.outputName),
    labels: [...spec.classification.labels],
    execution_provider: pool.engine.provider,
    workers,
    max_batch_size: maxBatchSize,
  };
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
