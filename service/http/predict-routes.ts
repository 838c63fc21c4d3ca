import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { REQUEST_ERROR_CODES, ServiceError } from '../errors.js';
import type { Prediction, Predictor } from '../predict.js';
import type { InspectedImage } from '../preprocess/decode.js';
import { type StageTimings, serverTiming, slowest } from '../telemetry/stage-timings.js';
import { answerFor, STATUS_OF_CODE } from './error-responses.js';
import { type ImageInput, readImage, readImages } from './input/image-input.js';
import {
  type BatchItem,
  type BatchResult,
  BatchResultSchema,
  batchBody,
  PREDICT_BODY,
  PredictHeadersSchema,
  type PredictQuery,
  PredictQuerySchema,
  type Result,
  ResultSchema,
} from './schemas.js';
import type { ServerDependencies } from './server.js';

type PredictRequest = FastifyRequest<{ Querystring: PredictQuery }>;

/** POST /predict and POST /predict/batch. */
export function registerPredictRoutes(server: FastifyInstance, deps: ServerDependencies): void {
  const statuses = new Set([200, ...Object.values(STATUS_OF_CODE)]);
  for (const route of ['/predict', '/predict/batch']) deps.metrics.startRoute('POST', route, statuses);
  deps.metrics.startRejections(REQUEST_ERROR_CODES);
  server.post<{ Querystring: PredictQuery }>(
    '/predict',
    {
      config: { predicts: true, requestBody: PREDICT_BODY },
      schema: {
        summary: 'Labels for one image',
        tags: ['prediction'],
        querystring: PredictQuerySchema,
        headers: PredictHeadersSchema,
        response: { 200: ResultSchema },
      },
    },
    (request, reply) => predictOne(request, reply, deps),
  );
  server.post<{ Querystring: PredictQuery }>(
    '/predict/batch',
    {
      config: { predicts: true, requestBody: batchBody(deps.limits) },
      schema: {
        summary: 'Labels for many images, each with a result or an error of its own',
        tags: ['prediction'],
        querystring: PredictQuerySchema,
        headers: PredictHeadersSchema,
        response: { 200: BatchResultSchema },
      },
    },
    (request, reply) => predictMany(request, reply, deps),
  );
}

async function predictOne(
  request: PredictRequest,
  reply: FastifyReply,
  deps: ServerDependencies,
): Promise<Result> {
  const predictor = readyPredictor(deps);
  checkThreshold(request.query, predictor);
  const bytes = await readImage(request, deps.limits);
  const { length } = bytes;
  const [outcome] = await predictAll(predictor, [{ bytes }], request, deps);
  if (outcome?.status !== 'fulfilled') throw outcome?.reason;
  const { image, predictions, timings } = outcome.value;
  announce(request, reply, timings);
  request.summary = { image, bytes: length };
  return {
    ...preamble(predictor, request),
    image,
    predictions: [...predictions],
    ...postscript(reply),
  };
}

async function predictMany(
  request: PredictRequest,
  reply: FastifyReply,
  deps: ServerDependencies,
): Promise<BatchResult> {
  const predictor = readyPredictor(deps);
  checkThreshold(request.query, predictor);
  const inputs = await readImages(request, deps.limits);
  const outcomes = await predictAll(predictor, inputs, request, deps);
  // Where the whole request ran out of time or of a client, that is the answer.
  request.scope.signal.throwIfAborted();
  const predictions = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  announce(request, reply, slowest(predictions.map((prediction) => prediction.timings)));
  const results = outcomes.map(batchItem);
  for (const item of results) if ('error' in item) deps.metrics.rejections.inc({ code: item.error.code });
  const succeeded = predictions.length;
  request.summary = { images: inputs.length, failed: inputs.length - succeeded };
  return {
    ...preamble(predictor, request),
    results,
    succeeded,
    failed: inputs.length - succeeded,
    ...postscript(reply),
  };
}

type Outcome = PromiseSettledResult<Prediction>;

/**
 * Takes images that are all here through the flow, admitted together. Their places, and what their bodies took, are free
 * when the answers are computed: whoever reads them slowly holds up nobody.
 * Throws OVERLOADED where they are not admitted.
 */
async function predictAll(
  predictor: Predictor,
  inputs: readonly ImageInput[],
  request: PredictRequest,
  { admission, metrics }: ServerDependencies,
): Promise<Outcome[]> {
  const { scope, query } = request;
  const options = { signal: scope.signal, topK: query.top_k, threshold: query.threshold };
  const inspected = inputs.map((input) => inspect(predictor, input));
  const images = inspected.flatMap((each) => (each instanceof ServiceError ? [] : [each]));
  const leave =
    images.length === 0
      ? undefined
      : admission.admit(images.length, predictor.expectedMs(images), scope.budgetMs);
  try {
    const predictions = inspected.map(async (each) => {
      if (each instanceof ServiceError) throw each;
      return predictor.predict(each, options);
    });
    const outcomes = await Promise.allSettled(predictions);
    for (const outcome of outcomes) count(outcome, predictor, metrics);
    return outcomes;
  } finally {
    leave?.();
    scope.releaseBody();
  }
}

/** What is known of an image before it is decoded, or why it cannot be. */
function inspect(predictor: Predictor, input: ImageInput): InspectedImage | ServiceError {
  if ('error' in input) return input.error;
  try {
    return predictor.inspect(input.bytes);
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
}

/** Counts what became of an image. */
function count(outcome: Outcome, predictor: Predictor, metrics: ServerDependencies['metrics']): void {
  const isServed = outcome.status === 'fulfilled';
  metrics.images.inc({ outcome: isServed ? 'ok' : outcomeOf(outcome.reason) });
  if (!isServed) return;
  const { timings, predictions } = outcome.value;
  metrics.recordStages(timings);
  metrics.recordPrediction(predictions[0], predictor.model.classification.labels.length);
}

/** Throws REQUEST_INVALID where no score of the model can reach the threshold or all do. */
function checkThreshold({ threshold }: PredictQuery, { model }: Predictor): void {
  const isRatio = model.classification.activation !== 'none';
  if (threshold === undefined || !isRatio || (threshold >= 0 && threshold <= 1)) return;
  throw new ServiceError(
    'REQUEST_INVALID',
    'threshold must be within 0 and 1, as the scores of this model are.',
  );
}

function readyPredictor(deps: ServerDependencies): Predictor {
  const predictor = deps.predictor();
  if (predictor === undefined) throw new ServiceError('NOT_READY', 'The model is still being loaded.');
  return predictor;
}

function outcomeOf(
  error: unknown,
): 'client_error' | 'refused' | 'deadline' | 'disconnected' | 'server_error' {
  const { code, status } = answerFor(error);
  if (code === 'DEADLINE_EXCEEDED') return 'deadline';
  if (code === 'CLIENT_CLOSED_REQUEST') return 'disconnected';
  if (status === 429 || status === 503) return 'refused';
  return status < 500 ? 'client_error' : 'server_error';
}

function batchItem(outcome: Outcome, index: number): BatchItem {
  if (outcome.status === 'fulfilled') {
    const { image, predictions } = outcome.value;
    return { index, image, predictions: [...predictions] };
  }
  const { code, status, title, detail } = answerFor(outcome.reason);
  return { index, error: { code, status, title, detail } };
}

function announce(request: FastifyRequest, reply: FastifyReply, timings: StageTimings | undefined): void {
  if (timings === undefined) return;
  request.timings = timings;
  reply.header('server-timing', serverTiming(timings));
}

function preamble(
  predictor: Predictor,
  request: FastifyRequest,
): Pick<Result, 'request_id' | 'model' | 'task'> {
  const { name, version, digest, task } = predictor.model;
  return { request_id: request.id, model: { name, version, digest }, task };
}

function postscript(reply: FastifyReply): Pick<Result, 'processing_time_ms' | 'timestamp'> {
  return {
    processing_time_ms: Math.round(reply.elapsedTime * 100) / 100,
    timestamp: new Date().toISOString(),
  };
}
