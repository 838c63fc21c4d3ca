import Type, { type TObject, type TSchema } from 'typebox';
import type { ServingModel } from '../serving/serving-model.js';
import { batchResultSchema, resultSchema } from './schemas.js';

/** The parts of an OpenAPI document that depend on the model. */
interface ApiDocument {
  readonly paths?: Readonly<Record<string, { readonly post?: Operation }>>;
}
interface Operation {
  readonly parameters?: readonly unknown[];
  readonly responses?: Readonly<Record<string, unknown>>;
}

/** Until a model is there: what every answer has. */
const NOTHING: Pick<ServingModel, 'parameterSchema' | 'answerSchema'> = {
  parameterSchema: Type.Object({}),
  answerSchema: Type.Object({}),
};

/** The document of the API with what the served model may be asked and what it answers. */
export function withModel<Document extends object>(
  document: Document,
  model: Pick<ServingModel, 'parameterSchema' | 'answerSchema'> = NOTHING,
): Document {
  const { paths } = document as ApiDocument;
  const describe = (path: string, answer: TSchema): object => {
    const operation = paths?.[path]?.post;
    return {
      ...paths?.[path],
      post: {
        ...operation,
        parameters: [...parametersOf(model.parameterSchema), ...(operation?.parameters ?? [])],
        responses: { ...operation?.responses, 200: jsonAnswer(answer) },
      },
    };
  };
  return {
    ...document,
    paths: {
      ...paths,
      '/predict': describe('/predict', resultSchema(model.answerSchema)),
      '/predict/batch': describe('/predict/batch', batchResultSchema(model.answerSchema)),
    },
  };
}

function parametersOf({ properties }: TObject): object[] {
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...schema } = property as TSchema & { readonly description?: string };
    return { name, in: 'query', required: false, description, schema };
  });
}

function jsonAnswer(schema: TSchema): object {
  return { description: 'Default Response', content: { 'application/json': { schema } } };
}
