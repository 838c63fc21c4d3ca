import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { REQUEST_ERROR_CODES, ServiceError } from '../errors.js';
import type { Prediction, Predictor } from '../predict.js';
import { type StageTimings, serverTiming, slowest } from '../telemetry/stage-timings.js';
import { answerFor, STATUS_OF_CODE } from './error-responses.js';
import { type ImageInput, readImage, readImages } from './image-input.js';
import {
  BATCH_BODY,
  type BatchItem,
  type BatchResult,
  BatchResultSchema,
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
      config: { predicts: true, requestBody: BATCH_BODY },
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
  const bytes = await readImage(request, deps.limits, request.scope.signal);
  const { length } = bytes;
  const prediction = await predictImage(predictor, { bytes }, request, deps);
  announce(request, reply, prediction.timings);
  request.summary = { image: prediction.image, bytes: length };
  return {
    ...preamble(predictor, request),
    image: prediction.image,
    predictions: [...prediction.predictions],
    ...postscript(reply),
  };
}

async function predictMany(
  request: PredictRequest,
  reply: FastifyReply,
  deps: ServerDependencies,
): Promise<BatchResult> {
  const predictor = readyPredictor(deps);
  const inputs = await readImages(request, deps.limits, request.scope.signal);
  // The door let one image in; the others are known only now.
  const budgetMs = request.scope.deadlineAt - performance.now();
  if (inputs.length > 1) request.scope.onEnd(deps.admission.enter(inputs.length - 1, budgetMs));
  const outcomes = await Promise.allSettled(
    inputs.map((input) => predictImage(predictor, input, request, deps)),
  );
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

function readyPredictor(deps: ServerDependencies): Predictor {
  const predictor = deps.predictor();
  if (predictor === undefined) throw new ServiceError('NOT_READY', 'The model is still being loaded.');
  return predictor;
}

/** One image through the flow, counted whatever becomes of it. */
async function predictImage(
  predictor: Predictor,
  input: ImageInput,
  request: PredictRequest,
  deps: ServerDependencies,
): Promise<Prediction> {
  const { metrics } = deps;
  try {
    if ('error' in input) throw input.error;
    const { top_k: topK, threshold } = request.query;
    const prediction = await predictor.predict(predictor.inspect(input.bytes), {
      signal: request.scope.signal,
      topK,
      threshold,
    });
    metrics.images.inc({ outcome: 'ok' });
    metrics.recordStages(prediction.timings);
    metrics.recordPrediction(prediction.predictions[0], predictor.model.classification.labels.length);
    return prediction;
  } catch (error) {
    metrics.images.inc({ outcome: outcomeOf(error) });
    throw error;
  }
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

function batchItem(outcome: PromiseSettledResult<Prediction>, index: number): BatchItem {
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
