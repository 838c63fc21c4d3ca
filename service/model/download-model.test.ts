import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { temporaryFolder } from '../test/support/models.js';
import { S3_TEST_KEY, startS3Server, startScriptedServer } from '../test/support/s3-server.js';
import type { FetchModelOptions } from './fetch-context.js';
import { fetchModel } from './fetch-model.js';

const MIB = 1024 * 1024;
const MODEL: Buffer = randomBytes(2 * MIB);
const OTHER: Buffer = randomBytes(2 * MIB);
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const OLD = new Date(0).toUTCString();
/** What was on its way when a connection was cut may be lost, so that the exact byte is not known. */
const NOT_FROM_0 = /^bytes=[1-9]\d*-$/;
const logged: string[] = [];

async function fetchFrom(uri: string, overrides: Partial<FetchModelOptions> = {}) {
  return fetchModel({
    uri,
    cacheDir: await temporaryFolder(),
    maxModelBytes: 2 ** 30,
    maxCacheBytes: 2 ** 40,
    attempts: 2,
    responseTimeoutMs: 10_000,
    stallTimeoutMs: 10_000,
    timing: { nowMs: () => 0, random: () => 0, sleep: async () => {} },
    logger: { info: () => {}, warn: (_, message) => logged.push(message) },
    ...overrides,
  });
}

interface Step {
  readonly data?: Buffer;
  /** The connection is cut after so many bytes of the body. */
  readonly cutAfter?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers a request for a range with this status instead of 206. */
  readonly rangeStatus?: number;
  readonly contentRange?: string;
  /** Chooses what a range is cut from. */
  readonly rest?: Buffer;
}

interface Seen {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly status: number;
}

function sendBody(response: ServerResponse, body: Buffer, cutAfter: number | undefined): void {
  if (cutAfter === undefined) response.end(body);
  else response.write(body.subarray(0, cutAfter), () => response.destroy());
}

function isCurrent(request: IncomingMessage, headers: Readonly<Record<string, string>>): boolean {
  const condition = request.headers['if-range'];
  return condition === undefined || Object.values(headers).includes(condition.toString());
}

function answer(request: IncomingMessage, response: ServerResponse, step: Step): number {
  const { data = MODEL, headers = { etag: '"one"' }, rangeStatus = 206, contentRange, rest = data } = step;
  const [, first] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  if (first === undefined || rangeStatus === 200 || !isCurrent(request, headers)) {
    response.writeHead(200, { 'content-length': data.byteLength, ...headers });
    sendBody(response, data, step.cutAfter);
    return 200;
  }
  const body = rest.subarray(Number(first));
  const range = (contentRange ?? `bytes FIRST-LAST/${data.byteLength}`)
    .replace('FIRST', first)
    .replace('LAST', String(data.byteLength - 1));
  response.writeHead(rangeStatus, { 'content-length': body.byteLength, 'content-range': range, ...headers });
  sendBody(response, body, step.cutAfter);
  return rangeStatus;
}

/** A server that answers each request for the model by the next of the steps, and by the last one from then on. */
async function serve(...steps: Step[]) {
  const seen: Seen[] = [];
  const { url, close } = await startScriptedServer((request, response) => {
    if (!request.url?.endsWith('.onnx')) return response.writeHead(404).end();
    const step = steps[Math.min(seen.length, steps.length - 1)] ?? {};
    const { range, 'if-range': ifRange } = request.headers;
    return seen.push({ range, ifRange: ifRange?.toString(), status: answer(request, response, step) });
  });
  onTestFinished(close);
  return { uri: `${url}/model.onnx`, seen };
}

async function expectModel(
  uri: string,
  data: Uint8Array = MODEL,
  overrides: Partial<FetchModelOptions> = {},
) {
  const files = await fetchFrom(uri, overrides);
  expect(files).toMatchObject({ digest: `sha256:${sha256(data)}`, bytes: data.byteLength });
  expect(sha256(await readFile(files.modelPath))).toBe(sha256(data));
}

afterEach(() => {
  logged.length = 0;
  vi.unstubAllEnvs();
});

describe('a download over http that breaks', () => {
  it.each([
    ['a strong tag', { etag: '"one"' }, '"one"'],
    ['a date', { 'last-modified': OLD }, OLD],
    ['a tag and a date', { etag: '"one"', 'last-modified': OLD }, '"one"'],
  ])('goes on where it was, by %s', async (_, headers, ifRange) => {
    const { uri, seen } = await serve({ headers, cutAfter: MIB }, { headers });
    await expectModel(uri);
    expect(seen).toEqual([
      { range: undefined, ifRange: undefined, status: 200 },
      { range: expect.stringMatching(NOT_FROM_0), ifRange, status: 206 },
    ]);
  });

  it('is not given up while it gets on, however often it breaks', async () => {
    const data = randomBytes(8 * MIB);
    const cuts = Array.from({ length: 10 }, () => ({ data, cutAfter: 700_000 }));
    const { uri, seen } = await serve(...cuts, { data });
    await expectModel(uri, data, { attempts: 1 });
    expect(seen.map(({ status }) => status)).toEqual([200, ...Array.from({ length: 10 }, () => 206)]);
  });

  it('is given up when its attempts do not get on, or hardly', async () => {
    const dribble = await serve({ cutAfter: MIB }, { cutAfter: 1 });
    await expect(fetchFrom(dribble.uri, { attempts: 3 })).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
    });
    expect(dribble.seen).toHaveLength(4);
  });

  it.each<[string, Step, Step]>([
    ['has a weak tag', { headers: { etag: 'W/"one"' } }, { headers: { etag: 'W/"one"' } }],
    [
      'has a weak tag beside a date',
      { headers: { etag: 'W/"one"', 'last-modified': OLD } },
      { headers: { etag: 'W/"one"', 'last-modified': OLD } },
    ],
    ['has neither tag nor date', { headers: {} }, { headers: {} }],
    [
      'says that it has no ranges',
      { headers: { etag: '"one"', 'accept-ranges': 'none' } },
      { headers: { etag: '"one"', 'accept-ranges': 'none' } },
    ],
  ])('begins anew, and asks for all, where the answer %s', async (_, first, then) => {
    const { uri, seen } = await serve({ ...first, cutAfter: MIB }, then);
    await expectModel(uri);
    expect(seen.map(({ range, status }) => [range, status])).toEqual([
      [undefined, 200],
      [undefined, 200],
    ]);
  });

  it('does not take a date for a version within a second of the change', async () => {
    const date = new Date().toUTCString();
    const headers = { 'last-modified': date, date };
    const { uri, seen } = await serve({ headers, cutAfter: MIB }, { headers });
    await expectModel(uri);
    expect(seen.at(-1)?.range).toBeUndefined();
  });

  it('begins anew where the server does not know ranges', async () => {
    const { uri, seen } = await serve({ cutAfter: MIB }, { rangeStatus: 200 });
    await expectModel(uri);
    expect(seen.map(({ status }) => status)).toEqual([200, 200]);
  });

  it('brings the new bytes alone where the object has changed', async () => {
    const { uri } = await serve({ cutAfter: MIB }, { data: OTHER, headers: { etag: '"two"' } });
    await expectModel(uri, OTHER);
  });

  it.each<[string, Step]>([
    ['416', { rangeStatus: 416 }],
    ['412', { rangeStatus: 412 }],
    ['another range', { contentRange: `bytes 0-${2 * MIB - 1}/${2 * MIB}` }],
    ['a range without a total', { contentRange: 'bytes FIRST-LAST/*' }],
    ['another total', { contentRange: `bytes FIRST-LAST/${3 * MIB}` }],
    ['a part of the range', { contentRange: `bytes FIRST-${2 * MIB - 2}/${2 * MIB}` }],
    ['no range', { contentRange: 'bytes */*' }],
    ['too few bytes for the range', { rest: MODEL.subarray(0, 2 * MIB - 5) }],
    ['too many bytes for the range', { rest: Buffer.concat([MODEL, MODEL]) }],
  ])('begins anew after %s', async (_, wrong) => {
    const { uri, seen } = await serve({ cutAfter: MIB }, wrong, {});
    await expectModel(uri);
    expect(seen.at(-1)).toMatchObject({ range: undefined, status: 200 });
  });

  it('begins anew where a 206 is of another version', async () => {
    const { url, close } = await startScriptedServer((request, response) => {
      if (!request.url?.endsWith('.onnx')) return response.writeHead(404).end();
      const first = /\d+/.exec(request.headers.range ?? '')?.[0];
      if (first !== undefined) {
        const range = `bytes ${first}-${2 * MIB - 1}/${2 * MIB}`;
        const rest = OTHER.subarray(Number(first));
        const headers = { etag: '"two"', 'content-range': range, 'content-length': rest.byteLength };
        return response.writeHead(206, headers).end(rest);
      }
      asked += 1;
      return answer(request, response, asked === 1 ? { cutAfter: MIB } : { data: OTHER });
    });
    onTestFinished(close);
    let asked = 0;
    await expectModel(`${url}/model.onnx`, OTHER);
  });

  it('is fetched whole once more where the parts do not make up the expected model', async () => {
    const { uri, seen } = await serve({ cutAfter: MIB }, { rest: OTHER }, {});
    await expectModel(uri, MODEL, { expectedSha256: sha256(MODEL) });
    expect(seen.map(({ status }) => status)).toEqual([200, 206, 200]);
  });

  it('is refused with MODEL_DIGEST_MISMATCH where the whole is wrong too', async () => {
    const { uri, seen } = await serve(
      { cutAfter: MIB },
      { rest: OTHER },
      { data: OTHER, cutAfter: 5 },
      { data: OTHER },
    );
    await expect(fetchFrom(uri, { expectedSha256: sha256(MODEL) })).rejects.toMatchObject({
      code: 'MODEL_DIGEST_MISMATCH',
    });
    expect(seen.map(({ range }) => range)).toEqual([
      undefined,
      expect.stringMatching(NOT_FROM_0),
      undefined,
      undefined,
    ]);
  });

  it('keeps its limit of bytes over all attempts', async () => {
    const { uri } = await serve({ headers: { etag: '"one"' }, cutAfter: MIB }, {});
    await expect(fetchFrom(uri, { maxModelBytes: 2 * MIB - 1 })).rejects.toMatchObject({
      code: 'MODEL_INCOMPATIBLE',
    });
    const { digest } = await fetchFrom((await serve({ cutAfter: MIB }, {})).uri, { maxModelBytes: 2 * MIB });
    expect(digest).toBe(`sha256:${sha256(MODEL)}`);
  });
});

/** Passes connections on, and cuts each of the first ones when so many bytes have come back. */
async function cutting(endpoint: string, cutAfter: number, cuts: number) {
  const received: number[] = [];
  const server = createServer((client) => {
    const { hostname, port } = new URL(endpoint);
    const upstream = connect(Number(port), hostname);
    let bytes = 0;
    client.on('error', () => {}).pipe(upstream);
    client.on('close', () => upstream.destroy());
    upstream
      .on('error', () => {})
      .on('data', (chunk: Buffer) => {
        bytes += chunk.byteLength;
        received.push(chunk.byteLength);
        if (cuts > 0 && bytes > cutAfter) {
          cuts -= 1;
          upstream.removeAllListeners('data').destroy();
          client.write(chunk, () => client.destroy());
        } else client.write(chunk);
      });
    upstream.on('end', () => client.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: () => received.reduce((sum, bytes) => sum + bytes, 0),
  };
}

describe('a download over S3 that breaks', () => {
  it('goes on where it was, against a real server', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', S3_TEST_KEY);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', S3_TEST_KEY);
    const model = randomBytes(16 * MIB);
    const s3 = await startS3Server(['models']);
    onTestFinished(s3.close);
    await s3.put('models', 'model.onnx', model);
    const { endpoint, sent } = await cutting(s3.endpoint, 6 * MIB, 2);
    await expectModel('s3://models/model.onnx', model, { s3: { endpoint }, attempts: 1 });
    expect(logged).toHaveLength(2);
    expect(sent()).toBeLessThan(1.3 * model.byteLength);
  });

  it.each<[string, Step, Buffer]>([
    ['goes on where it was, if it is the same', {}, MODEL],
    ['brings the new bytes alone where it has changed', { data: OTHER, rangeStatus: 412 }, OTHER],
    ['begins anew after 416', { rangeStatus: 416 }, MODEL],
    ['begins anew after 501', { rangeStatus: 501 }, MODEL],
    ['begins anew where ranges are ignored', { rangeStatus: 200 }, MODEL],
    ['begins anew after another range', { contentRange: `bytes 5-${2 * MIB - 1}/${2 * MIB}` }, MODEL],
  ])('%s', async (_, then, data) => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'key');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    const conditions: (string | undefined)[] = [];
    let step: Step = { cutAfter: MIB };
    const { url, close } = await startScriptedServer((request, response) => {
      if (request.method === 'HEAD') return response.end();
      if (!request.url?.split('?')[0]?.endsWith('.onnx')) return response.writeHead(404).end();
      conditions.push(request.headers['if-match']);
      answer(request, response, step);
      step = then;
      return response;
    });
    onTestFinished(close);
    await expectModel('s3://models/model.onnx', data, { s3: { endpoint: url } });
    expect(conditions.slice(0, 2)).toEqual([undefined, '"one"']);
  });
});
