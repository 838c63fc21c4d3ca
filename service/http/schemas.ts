import type { Static, TObject } from 'typebox';
import { VERDICTS } from '../answer-keeper.js';
import { REQUEST_ERROR_CODES } from '../errors.js';
import { closed, Type } from '../json-schema.js';
import { IMAGE_FORMATS } from '../preprocess/image.js';
import type { Answer } from '../tasks/task.js';
import { REQUEST_ID } from './request-head.js';

export const PredictHeadersSchema = Type.Object({
  'x-request-id': Type.Optional(Type.String({ description: 'Comes back in the answer and in the log' })),
  'x-request-timeout-ms': Type.Optional(
    Type.Integer({
      minimum: 1,
      description: 'Deadline in milliseconds, where it is lower than the server has',
    }),
  ),
});

const ModelReferenceSchema = Type.Object({
  name: Type.String(),
  version: Type.String(),
  digest: Type.String({
    description: '`sha256:` of the ONNX file, or `sha256-files:` of that and its external data',
  }),
});

const ImageInfoSchema = Type.Object({
  width: Type.Integer({ description: 'pixels, EXIF orientation applied' }),
  height: Type.Integer(),
  format: Type.Enum([...IMAGE_FORMATS]),
});

const ENVELOPE = {
  request_id: Type.String(),
  model: ModelReferenceSchema,
  task: Type.String(),
};
const POSTSCRIPT = {
  processing_time_ms: Type.Number(),
  timestamp: Type.String({ description: 'RFC 3339, UTC' }),
};

/** What /predict answers. @param answer the fields that the model's task adds */
export function resultSchema(answer: TObject) {
  return Type.Object({ ...ENVELOPE, image: ImageInfoSchema, ...answer.properties, ...POSTSCRIPT });
}
type Envelope = Static<TObject<typeof ENVELOPE>> & Static<TObject<typeof POSTSCRIPT>>;
export type ImageInfo = Static<typeof ImageInfoSchema>;
export type Result = Envelope & { readonly image: ImageInfo } & Answer;

export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'for people; may change' }),
    code: Type.Enum([...REQUEST_ERROR_CODES], { description: 'for programs; will not change' }),
    request_id: Type.String(),
  },
  { description: 'RFC 9457 problem details' },
);
export type Problem = Static<typeof ProblemSchema>;

const BatchItemErrorSchema = Type.Object({
  index: Type.Integer(),
  error: Type.Object({
    code: Type.Enum([...REQUEST_ERROR_CODES]),
    status: Type.Integer({ description: 'what /predict would have answered' }),
    title: Type.String(),
    detail: Type.String(),
  }),
});

/** What /predict/batch answers. @param answer the fields that the model's task adds */
export function batchResultSchema(answer: TObject) {
  const result = Type.Object({ index: Type.Integer(), image: ImageInfoSchema, ...answer.properties });
  return Type.Object({
    ...ENVELOPE,
    results: Type.Array(Type.Union([result, BatchItemErrorSchema]), {
      description: 'one for each image, in order',
    }),
    succeeded: Type.Integer(),
    failed: Type.Integer(),
    ...POSTSCRIPT,
  });
}
export type BatchItemError = Static<typeof BatchItemErrorSchema>;
export type BatchItem = BatchItemError | ({ readonly index: number; readonly image: ImageInfo } & Answer);

const MAX_LABEL_LENGTH = 200;
const MAX_OBJECTS = 1000;
const LabelSchema = Type.String({ minLength: 1, maxLength: MAX_LABEL_LENGTH });
const PixelSchema = Type.Number({ minimum: -1e6, maximum: 1e6 });

/** What /feedback takes. */
export const FeedbackSchema = Type.Object(
  {
    request_id: Type.String({ pattern: REQUEST_ID, description: 'of the request that was answered' }),
    image: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 999, description: 'its position, where that was a batch' }),
    ),
    label: Type.Optional(LabelSchema),
    objects: Type.Optional(
      Type.Array(
        Type.Object(
          {
            label: LabelSchema,
            box: Type.Object(
              { x_min: PixelSchema, y_min: PixelSchema, x_max: PixelSchema, y_max: PixelSchema },
              { ...closed, description: 'pixels of the image as a person sees it' },
            ),
          },
          closed,
        ),
        { maxItems: MAX_OBJECTS, description: 'all that there are' },
      ),
    ),
  },
  { ...closed, description: 'either `label` or `objects`' },
);

/** The same, for the OpenAPI document. */
export const FEEDBACK_BODY = { content: { 'application/json': { schema: FeedbackSchema } } };

/** What /feedback answers. */
export const JudgementSchema = Type.Object({
  request_id: Type.String(),
  image: Type.Optional(Type.Integer()),
  verdict: Type.Enum([...VERDICTS], {
    description: 'whether the answer was right; unknown: it is not known any more',
  }),
});
export type Judgement = Static<typeof JudgementSchema>;

export const HealthSchema = Type.Object({ status: Type.Literal('ok'), state: Type.String() });
export const ReadySchema = Type.Object({ ready: Type.Literal(true), model: ModelReferenceSchema });

const TensorSchema = Type.Object({
  name: Type.String(),
  type: Type.String(),
  shape: Type.Array(Type.Integer(), { description: '-1 where dynamic' }),
});

export const ModelSchema = Type.Object({
  name: Type.String(),
  version: Type.String(),
  digest: Type.String(),
  task: Type.String(),
  manifest: Type.Record(Type.String(), Type.Unknown(), {
    description: 'model.json with all that it left to be derived, and without files: docs/model-json.md',
  }),
  tensors: Type.Object(
    { input: TensorSchema, outputs: Type.Array(TensorSchema, { description: 'those that the task reads' }) },
    { description: 'of the ONNX file' },
  ),
  execution_provider: Type.String({ description: 'really in use' }),
  workers: Type.Integer(),
  max_batch_size: Type.Integer(),
  skeleton: Type.Optional(
    Type.Array(Type.Array(Type.String(), { minItems: 2, maxItems: 2 }), {
      description: 'of keypoints: names of points that have a line between them',
    }),
  ),
  service_version: Type.String({ description: 'of the service, not of the model' }),
});

/** How an image may be sent to /predict, for the OpenAPI document; what validates is input/image-input.ts. */
export const PREDICT_BODY = {
  content: {
    'image/*': { schema: { type: 'string', format: 'binary' } },
    'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
    'multipart/form-data': {
      schema: {
        type: 'object',
        required: ['file'],
        properties: { file: { type: 'string', format: 'binary' } },
      },
    },
    'application/json': {
      schema: {
        type: 'object',
        required: ['image'],
        properties: { image: { type: 'string', description: 'base64 or data URL' } },
      },
    },
  },
};

/** How images may be sent to /predict/batch, likewise. */
export function batchBody({ maxBatchImages }: { readonly maxBatchImages: number }) {
  const images = (items: object) => ({ type: 'array', minItems: 1, maxItems: maxBatchImages, items });
  const document = (member: string, items: object) => ({
    schema: { type: 'object', required: [member], properties: { [member]: images(items) } },
  });
  return {
    content: {
      'multipart/form-data': document('files', { type: 'string', format: 'binary' }),
      'application/json': document('images', { type: 'string', description: 'base64 or data URL' }),
    },
  };
}
