import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyContextConfig, FastifyInstance, FastifySchema } from 'fastify';
import type { ModelRegistry } from '../serving/model-registry.js';
import { withModel } from './model-document.js';
import { ProblemSchema } from './schemas.js';

const PROBLEM_RESPONSE = {
  description: 'Problem details; `code` says what is wrong',
  content: { 'application/problem+json': { schema: ProblemSchema } },
};

const TAGS = [{ name: 'prediction' }, { name: 'model' }, { name: 'operation' }];

const KEY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer' },
  key: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
} as const;

export interface DocsDependencies {
  /** Whether API keys are asked for. */
  readonly needsKey: boolean;
  readonly models: Pick<ModelRegistry, 'current'>;
}

/** GET /openapi.json and a page for people at /docs, made from the schemas that validate and those of the model in use. */
export async function registerDocsRoutes(
  server: FastifyInstance,
  { needsKey, models }: DocsDependencies,
): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'cv-inference',
        version: '1',
        description: 'An image in, the answer of a vision model out.',
      },
      tags: TAGS,
      ...(needsKey && {
        components: { securitySchemes: KEY_SCHEMES },
        security: [{ bearer: [] }, { key: [] }],
      }),
    },
    transform: ({ schema, url, route }) => ({ schema: documented(schema, route.config), url }),
  });
  await server.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    transformSpecification: (document) => withModel(document, models.current),
    transformSpecificationClone: false,
  });
  server.get('/openapi.json', { schema: { hide: true } }, async () =>
    withModel(server.swagger(), models.current),
  );
}

/** What validates, and beside it what the framework cannot know: the bodies that we read ourselves, texts, and the errors. */
function documented(
  schema: FastifySchema | undefined,
  { requestBody, textAnswer }: FastifyContextConfig = {},
): FastifySchema {
  const text = { description: textAnswer, content: { 'text/plain': { schema: { type: 'string' } } } };
  return {
    ...schema,
    ...(requestBody !== undefined && { body: requestBody }),
    response: {
      ...(textAnswer !== undefined && { 200: text }),
      ...(schema?.response as Record<string, unknown> | undefined),
      default: PROBLEM_RESPONSE,
    },
  };
}
