import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RequestErrorCode } from '../../errors.js';
import {
  type Answer,
  expectColour,
  expectProblem,
  json,
  postJson,
  predict,
  send,
} from '../support/answers.js';
import { quickColour } from '../support/heavy-model.js';
import { multipart, plainPng } from '../support/images.js';
import { meanColourModel } from '../support/models.js';
import { type ServiceProcess, startSharedService } from '../support/service-process.js';

const COLOUR = quickColour(5);
const FORM = { 'content-type': 'multipart/form-data; boundary=edge' };
const MAX_IMAGE_BYTES = 4096;
const MAX_BATCH_IMAGES = 4;

let service: ServiceProcess;
let image: Buffer;
beforeAll(async () => {
  image = await plainPng(COLOUR);
  const shared = await startSharedService(meanColourModel(), {
    MAX_IMAGE_BYTES: String(MAX_IMAGE_BYTES),
    MAX_BATCH_BYTES: '16384',
    MAX_BATCH_IMAGES: String(MAX_BATCH_IMAGES),
  });
  service = shared.service;
  return shared.end;
});

function part(disposition: string, content: string | Uint8Array, more = ''): Buffer {
  return Buffer.concat([
    Buffer.from(`--edge\r\ncontent-disposition: form-data; ${disposition}\r\n${more}\r\n`),
    Buffer.from(content),
    Buffer.from('\r\n'),
  ]);
}

function form(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([...parts, Buffer.from('--edge--\r\n')]);
}

const file = (field: string, content: string | Uint8Array): Buffer =>
  part(`name="${field}"; filename="x.png"`, content, 'content-type: image/png\r\n');

function postForm(path: string, body: Uint8Array, headers: Record<string, string> = FORM): Promise<Answer> {
  return send(service.url, path, { body, headers });
}

const nested = () => part('name="file"', 'x', 'content-type: multipart/mixed; boundary=inner\r\n');

describe('a form for /predict', () => {
  it.each<[string, RequestErrorCode, () => Buffer, Record<string, string>?]>([
    [
      'without a boundary',
      'REQUEST_INVALID',
      () => form(file('file', image)),
      { 'content-type': 'multipart/form-data' },
    ],
    ['with another boundary than it says', 'REQUEST_INVALID', () => Buffer.from('--other--\r\n')],
    ['that breaks off in a file', 'REQUEST_INVALID', () => form(file('file', image)).subarray(0, 150)],
    ['that breaks off in a header', 'REQUEST_INVALID', () => form(file('file', image)).subarray(0, 40)],
    ['without anything', 'IMAGE_MISSING', () => form()],
    ['of no bytes', 'IMAGE_MISSING', () => Buffer.alloc(0)],
    ['with its file in another field', 'IMAGE_MISSING', () => form(file('files', image))],
    ['with text where the file should be', 'IMAGE_TYPE_UNSUPPORTED', () => form(part('name="file"', 'x'))],
    ['with another form inside', 'IMAGE_TYPE_UNSUPPORTED', () => form(nested())],
    ['with an empty file', 'IMAGE_MISSING', () => form(file('file', ''))],
    ['with an empty file of no name', 'IMAGE_MISSING', () => form(part('name="file"', ''))],
    ['with two files', 'REQUEST_INVALID', () => form(file('file', image), file('file', image))],
    [
      'with a thousand fields',
      'REQUEST_INVALID',
      () =>
        form(
          ...Array.from({ length: 1000 }, (_, index) => part(`name="f${index}"`, 'x')),
          file('file', image),
        ),
    ],
    [
      'with a file over the limit',
      'IMAGE_TOO_LARGE',
      () => form(file('file', Buffer.alloc(MAX_IMAGE_BYTES + 1))),
    ],
    [
      'with a field far over the limit',
      'IMAGE_TOO_LARGE',
      () => form(part('name="text"', 'x'.repeat(2_000_000))),
    ],
  ])('%s: %s', async (_, code, body, headers) => {
    expectProblem(await postForm('/predict', body(), headers), code);
  });

  it('may hold other fields, also a long one, beside its file', async () => {
    const body = form(part('name="note"', 'x'.repeat(10_000)), file('thumbnail', 'x'), file('file', image));
    expectColour(await postForm('/predict', body), COLOUR);
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty'])('may hold a field called %s', async (name) => {
    const body = form(part(`name="${name}"`, 'x'), file(name, 'x'), file('file', image));
    expectColour(await postForm('/predict', body), COLOUR);
  });

  it('may hold a file without a name, as some clients send it', async () => {
    for (const type of ['', 'content-type: image/png\r\n', 'content-type: text/plain\r\n']) {
      expectColour(await postForm('/predict', form(part('name="file"', image, type))), COLOUR);
    }
  });

  it('may hold a file of just the limit', async () => {
    const padded = Buffer.concat([image, Buffer.alloc(MAX_IMAGE_BYTES - image.length)]);
    expect((await postForm('/predict', form(file('file', padded)))).status).not.toBe(413);
  });
});

describe('a form for /predict/batch', () => {
  it.each([MAX_BATCH_IMAGES + 1, MAX_BATCH_IMAGES + 2, 200])(
    'with %i files: BATCH_TOO_LARGE',
    async (count) => {
      const { payload, headers } = multipart(
        Array.from({ length: count }, () => ({ field: 'files', bytes: image })),
      );
      expectProblem(await postForm('/predict/batch', payload, headers), 'BATCH_TOO_LARGE');
    },
  );

  it('tells of each bad file in its place, and answers the others', async () => {
    const body = form(
      file('files', image),
      file('files', ''),
      file('files', Buffer.alloc(MAX_IMAGE_BYTES + 1)),
      file('files', 'no image'),
    );
    const answer = await postForm('/predict/batch', body);
    expect(answer.status, answer.text).toBe(200);
    const { results } = json(answer) as { results: { index: number; error?: { code: string } }[] };
    expect(results.map(({ index, error }) => [index, error?.code])).toEqual([
      [0, undefined],
      [1, 'IMAGE_MISSING'],
      [2, 'IMAGE_TOO_LARGE'],
      [3, 'IMAGE_TYPE_UNSUPPORTED'],
    ]);
  });
});

describe('JSON for /predict', () => {
  const base64 = () => image.toString('base64');

  it.each<[string, () => string]>([
    ['plain', base64],
    ['URL-safe, unpadded', () => image.toString('base64url')],
    ['broken into lines', () => base64().replace(/.{20}/g, '$&\r\n')],
    ['a data URL', () => `data:image/png;base64,${base64()}`],
    ['a data URL with parameters', () => `data:image/png;name=x.png;base64,${base64()}`],
    ['a data URL that names no type', () => `data:;base64,${base64()}`],
  ])('takes base64: %s', async (_, text) => {
    expectColour(await postJson(service.url, '/predict', { image: text() }), COLOUR);
  });

  it.each<[string, RequestErrorCode, unknown]>([
    ['nothing', 'REQUEST_INVALID', ''],
    ['garbage', 'REQUEST_INVALID', '{"image": "AAAA"'],
    ['two documents', 'REQUEST_INVALID', '{"image":"AAAA"}{"image":"AAAA"}'],
    ['a comment', 'REQUEST_INVALID', '/* x */ {"image":"AAAA"}'],
    ['null', 'IMAGE_MISSING', 'null'],
    ['a number', 'IMAGE_MISSING', '7'],
    ['a text', 'IMAGE_MISSING', '"AAAA"'],
    ['a list', 'IMAGE_MISSING', '["AAAA"]'],
    ['an object without an image', 'IMAGE_MISSING', { images: ['AAAA'] }],
    ['an image from a prototype', 'IMAGE_MISSING', '{"__proto__":{"image":"AAAA"}}'],
    ['an image that is null', 'REQUEST_INVALID', { image: null }],
    ['an image that is a list', 'REQUEST_INVALID', { image: ['AAAA'] }],
    ['an image that is an object', 'REQUEST_INVALID', { image: { data: 'AAAA' } }],
    ['an empty image', 'IMAGE_MISSING', { image: '' }],
    ['an image of blanks', 'IMAGE_MISSING', { image: '  \n ' }],
    ['an address of an image', 'REQUEST_INVALID', { image: 'https://example.org/cat.png' }],
    ['bad base64', 'REQUEST_INVALID', { image: 'AA*A' }],
    ['base64 that is padded in the middle', 'REQUEST_INVALID', { image: 'AA==AAAA' }],
    ['base64 with too much padding', 'REQUEST_INVALID', { image: 'AAAA===' }],
    ['a data URL without data', 'IMAGE_MISSING', { image: 'data:image/png;base64,' }],
    ['a data URL without a comma', 'REQUEST_INVALID', { image: 'data:image/png;base64' }],
    ['a data URL that is not base64', 'REQUEST_INVALID', { image: 'data:image/svg+xml,%3Csvg%3E' }],
    ['an image over the limit', 'IMAGE_TOO_LARGE', { image: 'A'.repeat(6000) }],
    ['a document over the limit', 'IMAGE_TOO_LARGE', { image: 'AAAA', note: 'x'.repeat(100_000) }],
  ])('%s: %s', async (_, code, document) => {
    expectProblem(await postJson(service.url, '/predict', document), code);
  });

  it('says so at once of a long text that is nearly base64', async () => {
    const almost = `${' '.repeat(5000)}${'='.repeat(1)}${' '.repeat(15_000)}!`;
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => postJson(service.url, '/predict', { image: almost })),
    );
    for (const answer of answers) expectProblem(answer, 'REQUEST_INVALID');
    expect((await slowestHealth(() => postJson(service.url, '/predict', { image: almost }))).ms).toBeLessThan(
      500,
    );
  });
});

async function slowestHealth(during: () => Promise<unknown>): Promise<{ ms: number }> {
  const startedAt = performance.now();
  const [, answer] = await Promise.all([during(), send(service.url, '/health')]);
  expect(answer.status).toBe(200);
  return { ms: performance.now() - startedAt };
}

describe('JSON for /predict/batch', () => {
  it.each<[string, RequestErrorCode, unknown]>([
    ['an object without images', 'IMAGE_MISSING', { image: 'AAAA' }],
    ['no images', 'IMAGE_MISSING', { images: [] }],
    ['a text', 'REQUEST_INVALID', { images: 'AAAA' }],
    ['an object', 'REQUEST_INVALID', { images: { 0: 'AAAA', length: 1 } }],
    ['too many images', 'BATCH_TOO_LARGE', { images: Array(MAX_BATCH_IMAGES + 1).fill('AAAA') }],
    ['very many numbers', 'BATCH_TOO_LARGE', { images: Array(9000).fill(0) }],
    ['too many bytes', 'BATCH_TOO_LARGE', { images: ['A'.repeat(30_000)] }],
    ['a document of brackets alone', 'REQUEST_INVALID', '['.repeat(20_000)],
    [
      'lists nine thousand deep',
      'REQUEST_INVALID',
      `{"images":"x","y":${'['.repeat(9000)}${']'.repeat(9000)}}`,
    ],
  ])('%s: %s', async (_, code, document) => {
    expectProblem(await postJson(service.url, '/predict/batch', document), code);
  });

  it('tells of each bad image in its place, and answers the others', async () => {
    const images = [7, image.toString('base64'), 'ä', ['deep', ['deeper']]];
    const answer = await postJson(service.url, '/predict/batch', { images });
    expect(answer.status).toBe(200);
    const { results } = json(answer) as { results: { error?: { code: string; status: number } }[] };
    expect(results.map(({ error }) => error && [error.code, error.status])).toEqual([
      ['REQUEST_INVALID', 400],
      undefined,
      ['REQUEST_INVALID', 400],
      ['REQUEST_INVALID', 400],
    ]);
  });
});

describe('what a body is said to be', () => {
  it.each<[string, RequestErrorCode, string, Record<string, string>]>([
    [
      'compressed by gzip',
      'REQUEST_INVALID',
      '/predict',
      { 'content-type': 'image/png', 'content-encoding': 'gzip' },
    ],
    [
      'compressed by br',
      'REQUEST_INVALID',
      '/predict/batch',
      { 'content-type': 'application/json', 'content-encoding': 'br' },
    ],
    ['text', 'IMAGE_TYPE_UNSUPPORTED', '/predict', { 'content-type': 'text/plain' }],
    ['XML', 'IMAGE_TYPE_UNSUPPORTED', '/predict', { 'content-type': 'application/xml' }],
    ['something without a meaning', 'IMAGE_TYPE_UNSUPPORTED', '/predict', { 'content-type': 'image' }],
    ['an image, as a batch', 'IMAGE_TYPE_UNSUPPORTED', '/predict/batch', { 'content-type': 'image/png' }],
    [
      'parts of another kind',
      'IMAGE_TYPE_UNSUPPORTED',
      '/predict',
      { 'content-type': 'multipart/mixed; boundary=edge' },
    ],
  ])('%s: %s', async (_, code, path, headers) => {
    expectProblem(await send(service.url, path, { body: gzipSync(image), headers }), code);
  });

  it.each(['image/png', 'image/jpeg', 'IMAGE/PNG', 'application/octet-stream', 'image/png; charset=binary'])(
    '%s: an image, and its bytes say which',
    async (type) => {
      expectColour(await predict(service.url, image, { 'content-type': type }), COLOUR);
    },
  );

  it('nothing at all: an image', async () => {
    const answer = await send(service.url, '/predict', { body: image });
    expectColour(answer, COLOUR);
  });
});

describe('the query', () => {
  it.each([
    'top_k=0',
    'top_k=-1',
    'top_k=1001',
    'top_k=abc',
    'top_k=1.5',
    'top_k=Infinity',
    'top_k=',
    'top_k=1&top_k=2',
    'threshold=NaN',
    'threshold=Infinity',
    'threshold=',
    'topk=1',
    'top_k=1&colour=blue',
    '__proto__=1',
  ])('%s: REQUEST_INVALID', async (query) => {
    for (const path of ['/predict', '/predict/batch']) {
      const answer = await send(service.url, `${path}?${query}`, {
        body: image,
        headers: { 'content-type': 'image/png' },
      });
      expectProblem(answer, 'REQUEST_INVALID');
    }
  });

  it.each([
    ['top_k=1', 1],
    ['top_k=1000', 3],
    ['threshold=0&top_k=2', 2],
    ['threshold=1', 0],
    ['threshold=-0.1', 3],
    ['threshold=2', 0],
  ])('%s: %i predictions', async (query, count) => {
    const answer = await send(service.url, `/predict?${query}`, {
      body: image,
      headers: { 'content-type': 'image/png' },
    });
    expect(json(answer)['predictions']).toHaveLength(count);
  });
});

describe('x-request-timeout-ms', () => {
  it.each(['0', '-5', '1.5', 'soon', '', '10, 20', 'NaN', 'Infinity'])(
    '%s: REQUEST_INVALID',
    async (value) => {
      expectProblem(await predict(service.url, image, { 'x-request-timeout-ms': value }), 'REQUEST_INVALID');
    },
  );

  it.each(['5000', '999999999999'])('%s is accepted', async (value) => {
    expectColour(await predict(service.url, image, { 'x-request-timeout-ms': value }), COLOUR);
  });
});
