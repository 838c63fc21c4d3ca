import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Admission } from '../admission/admission.js';
import type { AnswerKeeper } from '../answer-keeper.js';
import { REQUEST_ERROR_CODES, ServiceError } from '../errors.js';
import type { Prediction, PredictOptions } from '../predict.js';
import type { InspectedImage } from '../preprocess/decode.js';
import type { ModelRegistry } from '../serving/model-registry.js';
import type { ServingModel } from '../serving/serving-model.js';
import type { Parameters } from '../tasks/task.js';
import type { Metrics } from '../telemetry/metrics.js';
import { type ImageOutcome, type ImageRecord, serverTiming } from '../telemetry/request-record.js';
import type { StageSpan } from '../telemetry/stages.js';
import { writeResults } from './batch-results.js';
import { answerFor, STATUS_OF_CODE } from './error-responses.js';
import { readImage, readImages } from './input/image-input.js';
import type { ImageInput, InputLimits } from './input/input-limits.js';
import { pictureFor, sendPicture, varyByAccept } from './picture-answer.js';
import { type BatchItem, batchBody, PREDICT_BODY, PredictHeadersSchema, type Result } from './schemas.js';

export interface PredictDependencies {
  readonly limits: InputLimits;
  readonly admission: Admission;
  readonly models: Pick<ModelRegistry, 'current'>;
  readonly metrics: Metrics;
  /** Present where answers are kept. */
  readonly keeper: AnswerKeeper | undefined;
}

/** POST /predict and POST /predict/batch. */
export function registerPredictRoutes(server: FastifyInstance, deps: PredictDependencies): void {
  const statuses = new Set([200, ...Object.values(STATUS_OF_CODE)]);
  for (const route of ['/predict', '/predict/batch']) deps.metrics.startRoute('POST', route, statuses);
  deps.metrics.startRejections(REQUEST_ERROR_CODES);
  server.post(
    '/predict',
    {
      config: { requestBody: PREDICT_BODY },
      schema: {
        summary: 'An answer to one image',
        tags: ['prediction'],
        headers: PredictHeadersSchema,
      },
    },
    (request, reply) => predictOne(request, reply, deps),
  );
  server.post(
    '/predict/batch',
    {
      config: { requestBody: batchBody(deps.limits) },
      schema: {
        summary: 'Answers to many images, each with a result or an error of its own',
        tags: ['prediction'],
        headers: PredictHeadersSchema,
      },
    },
    (request, reply) => predictMany(request, reply, deps),
  );
}

async function predictOne(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: PredictDependencies,
): Promise<Result | Buffer> {
  varyByAccept(reply);
  const model = readyModel(request, deps);
  const parameters = parametersOf(request, model);
  const order = pictureFor(request, model, parameters);
  const bytes = await readImage(request, deps.limits);
  // The thread that runs the model may take the file for good, and it is needed once more.
  if (order !== undefined) request.scope.keep(bytes.length);
  const [outcome] = await predictAll(model, [{ bytes }], { parameters, picture: order }, request, deps);
  if (outcome?.status !== 'fulfilled') throw outcome?.reason;
  const { image, answer, picture } = outcome.value;
  announce(request, reply);
  if (picture !== undefined) return sendPicture(request, reply, picture);
  return {
    ...preamble(model, request),
    image,
    ...answer,
    ...postscript(reply),
  };
}

async function predictMany(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: PredictDependencies,
): Promise<string> {
  const model = readyModel(request, deps);
  const parameters = parametersOf(request, model);
  const inputs = await readImages(request, deps.limits);
  const outcomes = await predictAll(model, inputs, { parameters }, request, deps);
  // Where the whole request ran out of time or of a client, that is the answer.
  request.scope.signal.throwIfAborted();
  announce(request, reply);
  const { text, written } = await writeResults(outcomes, batchItem, NO_ROOM);
  const { record } = request;
  record.images = written.map((outcome, index) => recordOf(outcome, model, record.images[index]?.spans));
  const succeeded = written.filter(({ status }) => status === 'fulfilled').length;
  const failed = inputs.length - succeeded;
  reply.type('application/json; charset=utf-8');
  const head = JSON.stringify(preamble(model, request)).slice(0, -1);
  const tail = JSON.stringify({ succeeded, failed, ...postscript(reply) }).slice(1);
  return `${head},"results":${text},${tail}`;
}

/** Of an answer that would make that to the batch too large. */
const NO_ROOM: Outcome = {
  status: 'rejected',
  reason: new ServiceError(
    'ANSWER_TOO_LARGE',
    'The answers to this batch are too large together. Send fewer images at once.',
  ),
};

type Outcome = PromiseSettledResult<Prediction>;

/**
 * Takes images that are all here through the flow, admitted together. Their places, and what their bodies took, are free
 * when the answers are computed: whoever reads them slowly holds up nobody.
 * Throws OVERLOADED where they are not admitted.
 */
async function predictAll(
  model: ServingModel,
  inputs: readonly ImageInput[],
  asked: Omit<PredictOptions, 'signal'>,
  request: FastifyRequest,
  { admission, keeper }: PredictDependencies,
): Promise<Outcome[]> {
  const { scope, record } = request;
  const { predictor } = model;
  record.bytes = inputs.reduce((sum, input) => sum + ('bytes' in input ? input.bytes.length : 0), 0);
  const { traffic, signal } = scope;
  const options = { ...asked, traffic, signal, keepsFile: keeper !== undefined, trace: record.trace };
  const inspected = inputs.map((input) => inspect(model, input));
  const images = inspected.flatMap((each) => (each instanceof ServiceError ? [] : [each]));
  const spans = inspected.map((): StageSpan[] => []);
  const leave =
    images.length === 0
      ? undefined
      : admission.admit(
          traffic,
          images.length,
          predictor.expectedMs(traffic, images, asked.picture),
          scope.budgetMs,
        );
  try {
    const predictions = inspected.map(async (each, index) => {
      if (each instanceof ServiceError) throw each;
      return predictor.predict(each, { ...options, spans: spans[index] ?? [] });
    });
    const outcomes = await Promise.allSettled(predictions);
    record.images = outcomes.map((outcome, index) => recordOf(outcome, model, spans[index]));
    // Now, since whoever reads slowly ends late, and who has left has ended already.
    for (const image of record.images) model.metrics.ended(image, record.trace);
    if (keeper !== undefined) handOver(outcomes, keeper, model, request);
    return outcomes;
  } finally {
    leave?.();
    scope.releaseBody();
  }
}

/** To whoever keeps answers. Whether anybody waits for them still is all the same. */
function handOver(
  outcomes: readonly Outcome[],
  keeper: AnswerKeeper,
  model: ServingModel,
  { id, scope }: FastifyRequest,
): void {
  for (const [position, outcome] of outcomes.entries()) {
    if (outcome.status === 'rejected' || outcome.value.file === undefined) continue;
    const { image, answer, file, statistics } = outcome.value;
    keeper.answered({
      requestId: id,
      index: scope.traffic === 'batch' ? position : undefined,
      model: model.reference,
      file,
      image,
      answer,
      claim: model.claim(answer),
      scores: model.observe(answer).scores,
      statistics,
    });
  }
}

/** What is known of an image before it is decoded, or why it cannot be. */
function inspect({ predictor }: ServingModel, input: ImageInput): InspectedImage | ServiceError {
  if ('error' in input) return input.error;
  try {
    return predictor.inspect(input.bytes);
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
}

function recordOf(outcome: Outcome, model: ServingModel, spans: readonly StageSpan[] = []): ImageRecord {
  if (outcome.status === 'rejected') return failureRecord(outcome.reason, spans);
  const { image, answer, statistics } = outcome.value;
  return { outcome: 'ok', image, spans, observed: model.observe(answer), ...(statistics && { statistics }) };
}

/** What the query asks of the model. Throws REQUEST_INVALID where that is not for this model, or out of its range. */
function parametersOf(request: FastifyRequest, model: ServingModel): Parameters {
  const parameters = { ...(request.query as Record<string, unknown>) };
  const validate = request.compileValidationSchema(model.parameterSchema, 'querystring');
  if (validate(parameters)) return parameters;
  const [fault] = validate.errors ?? [];
  throw new ServiceError('REQUEST_INVALID', `Querystring${fault?.instancePath} ${fault?.message}.`);
}

/** The model that this request is for. Throws NOT_READY while there is none. */
function readyModel({ record }: FastifyRequest, { models }: PredictDependencies): ServingModel {
  if (models.current === undefined) throw new ServiceError('NOT_READY', 'The model is still being loaded.');
  record.model = models.current;
  return models.current;
}

function failureRecord(error: unknown, spans: readonly StageSpan[]): ImageRecord {
  const { code, status } = answerFor(error);
  return { outcome: outcomeOf(code, status), code, spans };
}

function outcomeOf(code: string, status: number): Exclude<ImageOutcome, 'ok'> {
  if (code === 'DEADLINE_EXCEEDED') return 'deadline';
  if (code === 'CLIENT_CLOSED_REQUEST') return 'disconnected';
  if (status === 429 || status === 503) return 'refused';
  return status < 500 ? 'client_error' : 'server_error';
}

function batchItem(outcome: Outcome, index: number): BatchItem {
  if (outcome.status === 'fulfilled') {
    const { image, answer } = outcome.value;
    return { index, image, ...answer };
  }
  const { code, status, title, detail } = answerFor(outcome.reason);
  return { index, error: { code, status, title, detail } };
}

function announce({ record }: FastifyRequest, reply: FastifyReply): void {
  const { timings } = record;
  if (timings !== undefined) reply.header('server-timing', serverTiming(timings));
}

function preamble(
  { reference, task }: ServingModel,
  request: FastifyRequest,
): Pick<Result, 'request_id' | 'model' | 'task'> {
  return { request_id: request.id, model: reference, task };
}

function postscript(reply: FastifyReply): Pick<Result, 'processing_time_ms' | 'timestamp'> {
  return {
    processing_time_ms: Math.round(reply.elapsedTime * 100) / 100,
    timestamp: new Date().toISOString(),
  };
}
