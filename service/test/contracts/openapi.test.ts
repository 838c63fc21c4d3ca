import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAppFor, startApp } from '../support/app.js';
import { temporaryFolder } from '../support/models.js';

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: object }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

async function document(
  environment: Record<string, string> = {},
): Promise<{ openapi: string; paths: Record<string, Record<string, Operation>> }> {
  const app = await createAppFor(environment);
  return (await app.server.inject('/openapi.json')).json();
}

describe('GET /openapi.json', () => {
  it('is OpenAPI 3.1 and lists every route', async () => {
    const { openapi, paths } = await document();
    expect(openapi).toBe('3.1.0');
    expect(Object.keys(paths).sort()).toEqual([
      '/health',
      '/metrics',
      '/model',
      '/predict',
      '/predict/batch',
      '/ready',
    ]);
  });

  it('has feedback where answers are kept', async () => {
    const { paths } = await document({ CAPTURE_TO: await temporaryFolder() });
    const { requestBody, responses } = paths['/feedback']?.['post'] ?? { responses: {} };
    expect(requestBody?.content['application/json']).toMatchObject({ schema: { required: ['request_id'] } });
    expect(responses['200']?.content?.['application/json']).toMatchObject({
      schema: { properties: { verdict: { enum: ['correct', 'wrong', 'unknown'] } } },
    });
  });

  it('says how images may be sent, and that errors are problem details', async () => {
    const { paths } = await document();
    const { requestBody, responses } = paths['/predict']?.['post'] ?? { responses: {} };
    expect(Object.keys(requestBody?.content ?? {})).toEqual([
      'image/*',
      'application/octet-stream',
      'multipart/form-data',
      'application/json',
    ]);
    expect(Object.keys(responses['default']?.content ?? {})).toEqual(['application/problem+json']);
  });

  it('says how many images a batch takes, and what /metrics is', async () => {
    const { paths } = await document({ MAX_BATCH_IMAGES: '7' });
    const { requestBody } = paths['/predict/batch']?.['post'] ?? {};
    for (const [type, member] of [
      ['application/json', 'images'],
      ['multipart/form-data', 'files'],
    ] as const) {
      expect(requestBody?.content[type]).toMatchObject({
        schema: { properties: { [member]: { minItems: 1, maxItems: 7 } } },
      });
    }
    expect(paths['/metrics']?.['get']?.responses['200']?.content).toHaveProperty('text/plain');
  });
});

describe('of the served model, the document', () => {
  async function predictOperation(): Promise<Operation | undefined> {
    const app = await startApp({ WORKERS: '1' });
    const document = (await app.server.inject('/openapi.json')).json();
    expect((await app.server.inject('/docs/json')).json()).toEqual(document);
    return document.paths['/predict'].post;
  }

  it('says what may be asked, within which bounds', async () => {
    const { parameters = [] } = (await predictOperation()) ?? {};
    const asked = parameters.filter((parameter) => parameter.in === 'query');
    expect(asked.map(({ name }) => name)).toEqual(['top_k', 'threshold']);
    expect(asked[1]?.schema).toMatchObject({ type: 'number', minimum: 0, maximum: 1 });
  });

  it('says what it answers, field by field', async () => {
    const operation = await predictOperation();
    const app = await startApp({ WORKERS: '1' });
    const payload = readFileSync(join(import.meta.dirname, '../../models/digits/golden/7-blocks.png'));
    const answer = (await app.server.inject({ method: 'POST', url: '/predict', payload })).json();
    const content = operation?.responses['200']?.content?.['application/json'];
    const { properties } = (content as { schema: { properties: object } }).schema;
    expect(Object.keys(properties)).toEqual(Object.keys(answer));
  });
});

describe('security', () => {
  it('is asked for where keys are set, but not of probes', async () => {
    const open = await createAppFor();
    const closed = await createAppFor({ API_KEYS: 'a' });
    await open.server.ready();
    await closed.server.ready();
    expect(open.server.swagger()).not.toHaveProperty('security');
    const closedDocument = JSON.parse(JSON.stringify(closed.server.swagger()));
    expect(closedDocument.security).toEqual([{ bearer: [] }, { key: [] }]);
    expect(closedDocument.paths['/health'].get.security).toEqual([]);
    expect(closedDocument.paths['/predict'].post).not.toHaveProperty('security');
  });
});

describe('GET /docs', () => {
  it('is a page for people that loads nothing from elsewhere', async () => {
    const app = await createAppFor();
    const page = await app.server.inject('/docs/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toContain('text/html');
    expect(page.body).not.toMatch(/(src|href)="https?:/);
  });
});
