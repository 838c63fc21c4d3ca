import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { AnswerKeeper, Feedback } from '../answer-keeper.js';
import { ServiceError } from '../errors.js';
import { compile } from '../json-schema.js';
import type { ModelRegistry } from '../serving/model-registry.js';
import type { ServingModel } from '../serving/serving-model.js';
import type { Metrics } from '../telemetry/metrics.js';
import { STATUS_OF_CODE } from './error-responses.js';
import { readWhole } from './input/body.js';
import { FEEDBACK_BODY, FeedbackSchema, type Judgement, JudgementSchema } from './schemas.js';

export interface FeedbackDependencies {
  readonly keeper: AnswerKeeper | undefined;
  readonly models: Pick<ModelRegistry, 'current'>;
  readonly metrics: Metrics;
}

type FeedbackValidator = ReturnType<typeof compile<typeof FeedbackSchema>>;

/** A thousand objects with long labels. */
const MAX_BODY_BYTES = 256 * 1024;

/** POST /feedback, where answers are kept. */
export function registerFeedbackRoutes(server: FastifyInstance, deps: FeedbackDependencies): void {
  const { keeper } = deps;
  if (keeper === undefined) return;
  const validator = compile(FeedbackSchema);
  deps.metrics.startRoute('POST', '/feedback', new Set([200, ...Object.values(STATUS_OF_CODE)]));
  server.post(
    '/feedback',
    {
      config: { requestBody: FEEDBACK_BODY },
      schema: {
        summary: 'What is right about an image that was answered',
        tags: ['prediction'],
        response: { 200: JudgementSchema },
      },
    },
    (request) => judge(request, deps, { keeper, validator }),
  );
}

async function judge(
  request: FastifyRequest,
  { models }: FeedbackDependencies,
  { keeper, validator }: { readonly keeper: AnswerKeeper; readonly validator: FeedbackValidator },
): Promise<Judgement> {
  const model = models.current;
  if (model === undefined) throw new ServiceError('NOT_READY', 'The model is still being loaded.');
  request.record.model = model;
  const body = await readWhole(request, { maxBytes: MAX_BODY_BYTES, tooLarge });
  const feedback = feedbackOf(parsed(body, validator), model);
  const { requestId, index } = feedback;
  const verdict = await keeper.judge(feedback, model, request.scope.signal);
  return { request_id: requestId, ...(index !== undefined && { image: index }), verdict };
}

/** Throws REQUEST_INVALID. */
function parsed(body: Buffer, validator: FeedbackValidator): Static<typeof FeedbackSchema> {
  const value = parsedJson(body);
  if (validator.Check(value)) return value;
  const [fault] = validator.Errors(value);
  throw invalid(`${fault?.instancePath || 'The document'} ${fault?.message}.`);
}

function parsedJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw invalid('The body is not JSON.');
  }
}

/** Throws REQUEST_INVALID where it says nothing, or something that this model cannot say. */
function feedbackOf(
  { request_id: requestId, image: index, label, objects }: Static<typeof FeedbackSchema>,
  { labels }: ServingModel,
): Feedback {
  const given = objects ?? [];
  const unknown = new Set(label === undefined ? given.map((object) => object.label) : [label]);
  for (const known of labels) unknown.delete(known);
  const [stranger] = unknown;
  if (labels.length > 0 && stranger !== undefined)
    throw invalid(`${JSON.stringify(stranger)} is no label of this model.`);
  if (label !== undefined && objects === undefined) return { requestId, index, truth: { label } };
  if (objects !== undefined && label === undefined) return { requestId, index, truth: { objects } };
  throw invalid('Feedback has either "label" or "objects".');
}

function tooLarge(): ServiceError {
  return invalid(`Feedback has at most ${MAX_BODY_BYTES} bytes.`);
}

function invalid(detail: string): ServiceError {
  return new ServiceError('REQUEST_INVALID', detail);
}
