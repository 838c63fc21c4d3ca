import type { TObject, TSchema } from 'typebox';
import { PICTURE_FORMATS, type PictureFormat } from '../drawing/shapes.js';
import { Type } from '../json-schema.js';
import type { ServingModel } from '../serving/serving-model.js';
import { mediaTypeOf } from './picture-answer.js';
import { batchResultSchema, resultSchema } from './schemas.js';

/** The parts of an OpenAPI document that depend on the model. */
interface ApiDocument {
  readonly paths?: Readonly<Record<string, { readonly post?: Operation }>>;
}
interface Operation {
  readonly parameters?: readonly unknown[];
  readonly responses?: Readonly<Record<string, unknown>>;
}

type Documented = Pick<ServingModel, 'draws' | 'parameterSchema' | 'answerSchema'>;

/** Until a model is there: what every answer has. */
const NOTHING: Documented = {
  draws: false,
  parameterSchema: Type.Object({}),
  answerSchema: Type.Object({}),
};

/** The document of the API with what the served model may be asked and what it answers. */
export function withModel<Document extends object>(
  document: Document,
  model: Documented = NOTHING,
): Document {
  const { paths } = document as ApiDocument;
  const describe = (path: string, answer: TSchema, pictures: readonly PictureFormat[]): object => {
    const operation = paths?.[path]?.post;
    return {
      ...paths?.[path],
      post: {
        ...operation,
        parameters: [...parametersOf(model.parameterSchema), ...(operation?.parameters ?? [])],
        responses: { ...operation?.responses, 200: answers(answer, pictures) },
      },
    };
  };
  return {
    ...document,
    paths: {
      ...paths,
      '/predict': describe('/predict', resultSchema(model.answerSchema), model.draws ? PICTURE_FORMATS : []),
      '/predict/batch': describe('/predict/batch', batchResultSchema(model.answerSchema), []),
    },
  };
}

function parametersOf({ properties }: TObject): object[] {
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...schema } = property as TSchema & { readonly description?: string };
    return { name, in: 'query', required: false, description, schema };
  });
}

/** JSON, or the image with the answer drawn on it where that is asked for. */
function answers(schema: TSchema, pictures: readonly PictureFormat[]): object {
  const files = pictures.map((format) => [
    mediaTypeOf(format),
    { schema: { type: 'string', format: 'binary', description: 'the image with the answer drawn on it' } },
  ]);
  return {
    description: 'Default Response',
    content: { 'application/json': { schema }, ...Object.fromEntries(files) },
  };
}
