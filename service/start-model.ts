import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Batcher } from './batching/batcher.js';
import type { Config } from './config.js';
import { messageOf, ServiceError } from './errors.js';
import type { ModelDescription } from './http/schemas.js';
import { preflight } from './inference/preflight.js';
import { WorkerPool } from './inference/worker-pool.js';
import { fetchModel, type ModelFiles } from './model/fetch-model.js';
import { checkGolden } from './model/golden.js';
import { type ModelSpec, resolveModelSpec } from './model/model-spec.js';
import { Predictor } from './predict.js';
import { createDecoder, type Decoder, type DecoderOptions } from './preprocess/decode.js';
import type { Sizing } from './sizing.js';
import type { Logger } from './telemetry/logging.js';
import type { Metrics } from './telemetry/metrics.js';

/** Lines of ONNX Runtime's that are logged for one model. */
const MAX_ENGINE_WARNINGS = 10;

/** A model that serves. */
export interface ServingModel {
  readonly pool: WorkerPool;
  readonly predictor: Predictor;
  readonly description: ModelDescription;
}

export interface StartOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** For the first of the execution providers. */
  readonly sizing: Sizing;
  /** For another one, where that is what the model gets. */
  readonly resizeFor: (provider: string) => Sizing;
  readonly metrics: Metrics;
}

/** Fetches, loads, warms and checks a model. Throws a start-up error of the catalogue, or the signal's reason. */
export async function startModel(options: StartOptions, signal: AbortSignal): Promise<ServingModel> {
  const { config, logger, metrics } = options;
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
  const { modelPath } = files;
  const { executionProviders } = config;
  const { intraOpThreads } = options.sizing;
  const { engine, warnings } = await preflight({ modelPath, executionProviders, intraOpThreads }, signal);
  logEngineWarnings(warnings, logger);
  const isAsHoped = engine.provider === executionProviders[0];
  const sizing = isAsHoped ? options.sizing : options.resizeFor(engine.provider);
  const pool = await WorkerPool.load({
    modelPath,
    executionProviders,
    intraOpThreads: sizing.intraOpThreads,
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
    return await prepare(files, pool, { ...options, sizing });
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
  options: Omit<StartOptions, 'resizeFor'>,
): Promise<ServingModel> {
  const { config, logger, sizing, metrics } = options;
  const { engine } = pool;
  for (const { provider, reason } of engine.unavailable) {
    logger.warn({ provider, reason, in_use: engine.provider }, 'execution provider not available');
  }
  const spec = resolveModelSpec(files.manifest, files.digest, engine);
  await pool.prepare(spec.plan);
  const maxBatchSize = spec.plan.fixedBatch ?? sizing.maxBatchSize;
  const decoder = createDecoder({
    formats: new Set(config.imageFormats),
    maxPixels: config.maxImagePixels,
    spec: spec.plan.input,
    concurrency: sizing.decodeConcurrency,
    jpegTurbo: jpegTurboOf(config, sizing),
    onProcessLost: (reason) => logger.warn({ reason }, 'decode process lost'),
  });
  const batcher = new Batcher(pool, {
    maxBatchSize,
    maxWaitMs: config.maxBatchWaitMs,
    maxImages: sizing.maxInFlightImages,
    maxBytes: sizing.maxQueueBytes,
    onBatch: (images) => metrics.batchSize.observe(images),
  });
  const predictor = new Predictor(spec, decoder, batcher);
  try {
    await warmUp(pool, spec, maxBatchSize);
    await startDecoding(decoder);
    await checkGolden(files.manifest.golden ?? [], (file) => readFile(join(files.directory, file)), {
      predict: async (bytes, options) => predictor.predict(predictor.inspect(bytes), options),
    });
  } catch (error) {
    await decoder.destroy();
    throw error;
  }
  metrics.startPredictions(spec.classification.labels);
  metrics.modelInfo.set(
    { name: spec.name, version: spec.version, digest: spec.digest, provider: engine.provider },
    1,
  );
  return { pool, predictor, description: describe(spec, pool, sizing.workers, maxBatchSize) };
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

function jpegTurboOf(config: Config, sizing: Sizing): DecoderOptions['jpegTurbo'] {
  if (!config.jpegTurbo) return 'off';
  return sizing.workersDecode ? 'thread' : 'pool';
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
