import { readFile } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { Batcher } from '../batching/batcher.js';
import type { Config } from '../config.js';
import { messageOf, ServiceError } from '../errors.js';
import { preflight } from '../inference/preflight.js';
import { WorkerPool } from '../inference/worker-pool.js';
import type { Machine } from '../machine.js';
import { manifestOf } from '../model/derive/manifest-of.js';
import { DOWNLOAD_LIMITS } from '../model/download-limits.js';
import type { FetchModelOptions } from '../model/fetch-context.js';
import { fetchModel, type ModelFiles } from '../model/fetch-model.js';
import { type ModelSpec, resolveModelSpec } from '../model/model-spec.js';
import { OWN_MODELS } from '../package-files.js';
import { Predictor } from '../predict.js';
import { createDecoder, type Decoder } from '../preprocess/decode.js';
import { type ModelSizing, type ProcessLimits, sizeModel, sizingReason } from '../sizing.js';
import type { Logger } from '../telemetry/logging.js';
import type { Metrics, ModelMetrics } from '../telemetry/metrics.js';
import { unlessAborted } from '../unless-aborted.js';
import { checkGolden } from './golden.js';
import { type Sample, ServingModel } from './serving-model.js';
import { warmUp } from './warm-up.js';

/** Lines of ONNX Runtime's that are logged for one model. */
const MAX_ENGINE_WARNINGS = 10;

export interface LoadOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly machine: Machine;
  readonly limits: ProcessLimits;
  readonly metrics: Metrics;
  readonly onFetched?: (() => void) | undefined;
}

/** What the steps after fetching share. */
interface StepOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly sizing: ModelSizing;
  readonly limits: ProcessLimits;
  readonly metrics: ModelMetrics;
}

/** How a model is brought, as it is configured. */
export function fetchOptions(config: Config): Omit<FetchModelOptions, 'logger' | 'signal'> {
  return {
    uri: config.modelUri,
    cacheDir: config.modelCacheDir,
    maxCacheBytes: config.modelCacheMaxBytes,
    maxModelBytes: config.modelMaxBytes,
    expectedSha256: config.modelSha256,
    ...DOWNLOAD_LIMITS,
    httpBearerToken: config.modelHttpToken,
    hub: { token: config.hfToken, endpoint: config.hfEndpoint },
    mlflow: { trackingUri: config.mlflowTrackingUri, token: config.mlflowTrackingToken },
    s3: { endpoint: config.awsEndpointUrlS3, forcePathStyle: config.s3ForcePathStyle },
  };
}

/** Fetches, loads, warms and checks a model. Throws a start-up error of the catalogue, or the signal's reason. */
export async function loadModel(options: LoadOptions, signal: AbortSignal): Promise<ServingModel> {
  const { config, logger, machine, limits } = options;
  const files = await fetchModel({ ...fetchOptions(config), logger, signal });
  const { modelPath } = files;
  setImmediate(() => options.onFetched?.());
  const provider = await providerFor(modelPath, options, signal);
  const sizing = sizeModel(machine, provider, config);
  logger.info({ provider, ...sizing, because: sizingReason(machine, provider, config) }, 'sized');
  const metrics = options.metrics.forModel(files.manifest.name);
  const step: StepOptions = { config, logger, sizing, limits, metrics };
  const pool = await loadPool(modelPath, step, signal);
  try {
    return await unlessAborted(prepare(files, pool, step), signal);
  } catch (error) {
    await pool.destroy().catch(() => undefined);
    throw error;
  }
}

/** The execution provider that a model will really get: known beforehand where there is one, and the model is our own. */
async function providerFor(
  modelPath: string,
  { config, logger, machine }: LoadOptions,
  signal: AbortSignal,
): Promise<string> {
  const { executionProviders, modelLoadTimeoutMs } = config;
  const [first = 'cpu'] = executionProviders;
  if (first === 'cpu' && modelPath.startsWith(OWN_MODELS + sep)) return first;
  const { intraOpThreads } = sizeModel(machine, first, config);
  const session = { modelPath, executionProviders, intraOpThreads };
  const { engine, warnings } = await preflight(session, modelLoadTimeoutMs, signal);
  logEngineWarnings(warnings, logger);
  return engine.provider;
}

function loadPool(
  modelPath: string,
  { config, logger, sizing, metrics }: StepOptions,
  signal: AbortSignal,
): Promise<WorkerPool> {
  const { workers, intraOpThreads } = sizing;
  return WorkerPool.load(
    {
      modelPath,
      executionProviders: config.executionProviders,
      intraOpThreads,
      workers,
      runTimeoutMs: config.runTimeoutMs,
      loadTimeoutMs: config.modelLoadTimeoutMs,
      onWorkerLost: (reason, cause) => {
        metrics.lostWorker(reason);
        logger.error(
          { reason, cause: cause === undefined ? undefined : messageOf(cause) },
          'inference thread lost',
        );
      },
      onFailed: () => logger.error('no inference thread is left and none can be started: restart needed'),
      onOutput: (text) => logger.warn({ source: 'inference thread' }, text.trimEnd()),
    },
    signal,
  );
}

/** A model can bring a warning for each of its weights. */
function logEngineWarnings(warnings: readonly string[], logger: Logger): void {
  for (const warning of warnings.slice(0, MAX_ENGINE_WARNINGS))
    logger.warn({ source: 'onnxruntime' }, warning);
  const more = warnings.length - MAX_ENGINE_WARNINGS;
  if (more > 0) logger.warn({ source: 'onnxruntime' }, `and ${more} more warnings like these`);
}

async function prepare(files: ModelFiles, pool: WorkerPool, options: StepOptions): Promise<ServingModel> {
  const { config, logger, sizing, limits, metrics } = options;
  const { engine } = pool;
  for (const { provider, reason } of engine.unavailable) {
    logger.warn({ provider, reason, in_use: engine.provider }, 'execution provider not available');
  }
  const { manifest, warnings } = await manifestOf(files, engine);
  for (const warning of warnings) logger.warn({ source: 'no model.json' }, warning);
  const spec = resolveModelSpec(manifest, files.digest, engine);
  await pool.prepare({ ...spec.plan, takesStatistics: config.inputStatistics });
  const maxBatchSize = spec.plan.fixedBatch ?? sizing.maxBatchSize;
  const decoder = createDecoder({
    formats: new Set(config.imageFormats),
    maxPixels: config.maxImagePixels,
    spec: spec.plan.input,
    concurrency: sizing.decodeConcurrency,
    maxWaiting: limits.maxInFlightImages,
    fastDecoders: sizing.workersDecode ? 'thread' : 'pool',
    onProcessLost: (reason) => {
      metrics.lostDecodeProcess();
      logger.warn({ reason }, 'decode process lost');
    },
  });
  logger.info({ decoders: decoder.decoders }, 'decoders');
  const predictor = await proven(files, spec, decoder, pool, { ...options, maxBatchSize }).catch(
    async (error: unknown) => {
      await decoder.destroy();
      throw error;
    },
  );
  const model = new ServingModel(spec, pool, predictor, metrics, {
    workers: sizing.workers,
    maxBatchSize,
    samples: samplesOf(files),
  });
  metrics.startLabels(model.labels);
  const { reference } = manifest;
  const unlike = config.inputStatistics && reference ? metrics.startReference(reference) : [];
  if (unlike.length > 0)
    logger.warn(
      { features: unlike },
      'reference has other buckets than metrics: cv-inference reference makes it anew',
    );
  return model;
}

function samplesOf({ manifest, directory }: ModelFiles): Sample[] {
  return (manifest.golden ?? []).map(({ file }) => ({
    name: basename(file),
    read: () => readFile(join(directory, file)),
  }));
}

/** A predictor that has run, and has answered the model's golden images as it should. */
async function proven(
  files: ModelFiles,
  spec: ModelSpec,
  decoder: Decoder,
  pool: WorkerPool,
  options: StepOptions & { readonly maxBatchSize: number },
): Promise<Predictor> {
  const { config, limits, metrics, maxBatchSize } = options;
  const msPerImage = await warmUp(pool, spec.plan.input, { maxBatchSize, runTimeoutMs: config.runTimeoutMs });
  const batcher = new Batcher(pool, {
    maxBatchSize,
    maxWaitMs: config.maxBatchWaitMs,
    maxImages: limits.maxInFlightImages,
    maxBytes: limits.maxQueueBytes,
    msPerImage,
    onBatch: (images) => metrics.ranBatch(images),
  });
  const predictor = new Predictor(decoder, batcher);
  await startDecoding(decoder);
  await checkGolden(
    files.manifest,
    spec.task,
    (file) => readFile(join(files.directory, file)),
    async (bytes, parameters, signal) =>
      (await predictor.predict(predictor.inspect(bytes), { parameters, signal })).answer,
  );
  return predictor;
}

async function startDecoding(decoder: Decoder): Promise<void> {
  try {
    await decoder.started();
  } catch (error) {
    const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
    const detail = `Images cannot be decoded here, no decode process starts: ${messageOf(reason)}`;
    throw new ServiceError('CONFIG_INVALID', detail, { cause: error });
  }
}
