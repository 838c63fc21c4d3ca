import type { RequestListener } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  S3_TEST_KEY,
  type S3TestServer,
  type ScriptedServer,
  startS3Server,
  startScriptedServer,
} from '../../test/support/s3-server.js';
import { createS3Source, type S3SourceOptions } from './s3.js';
import type { SourceFailure } from './source-failure.js';

const patient = new AbortController().signal;
const SECRET = 'a-secret-that-must-not-be-shown';

async function read(uri: string, options: S3SourceOptions, signal = patient): Promise<string> {
  const source = await createS3Source(uri, options);
  try {
    const { stream } = await source.open(source.entry ?? 'model.onnx', signal);
    return (await buffer(stream)).toString();
  } finally {
    source.close();
  }
}

async function failureOf(uri: string, options: S3SourceOptions): Promise<SourceFailure> {
  return await read(uri, options).then(
    () => expect.fail(),
    (thrown) => thrown,
  );
}

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', S3_TEST_KEY);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', SECRET);
  vi.stubEnv('AWS_REGION', undefined);
  vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the S3 source against a real server', () => {
  let server: S3TestServer;
  let options: S3SourceOptions;

  beforeAll(async () => {
    server = await startS3Server(['models']);
    options = { endpoint: server.endpoint };
    await server.put('models', 'model.onnx', 'root');
    await server.put('models', 'digits/v1/model.onnx', 'nested');
  });

  afterAll(() => server.close());

  it.each([
    ['s3://models', 'root'],
    ['s3://models/', 'root'],
    ['s3://models/model.onnx', 'root'],
    ['S3://models/digits/v1', 'nested'],
    ['s3://models/digits/v1/', 'nested'],
    ['s3://models/digits/v1/model.onnx', 'nested'],
  ])('reads %s', async (uri, content) => {
    expect(await read(uri, options)).toBe(content);
  });

  it.each([
    ['the bucket', 's3://no-such-bucket/model.onnx', /no-such-bucket/],
    ['the key', 's3://models/no/model.onnx', /no\/model\.onnx/],
    ['the prefix', 's3://models/no/', /no\/model\.onnx/],
  ])('calls it missing when %s is wrong, and names it', async (_, uri, name) => {
    const failure = await failureOf(uri, options);
    expect(failure).toMatchObject({ code: 'MODEL_NOT_FOUND', kind: 'missing' });
    expect(failure.message).toMatch(name);
  });

  it('calls an unknown access key permanent', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIAUNKNOWN');
    expect(await failureOf('s3://models/model.onnx', options)).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'permanent',
    });
  });

  it('calls missing credentials permanent', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    expect(await failureOf('s3://models/model.onnx', options)).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'permanent',
    });
  });

  it('takes the endpoint from the environment as the SDK does', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', server.endpoint);
    expect(await read('s3://models/model.onnx', { forcePathStyle: true })).toBe('root');
  });
});

describe('the S3 source against faults', () => {
  const servers: ScriptedServer[] = [];

  async function serve(listener: RequestListener): Promise<S3SourceOptions> {
    const server = await startScriptedServer(listener);
    servers.push(server);
    return { endpoint: server.url };
  }

  function answer(status: number, code: string, headers: Record<string, string> = {}): RequestListener {
    const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
    return (_, response) => {
      response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body);
    };
  }

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });

  it.each([
    [403, 'AccessDenied', 'denied'],
    [403, 'SignatureDoesNotMatch', 'permanent'],
    [403, 'InvalidAccessKeyId', 'permanent'],
    [403, 'RequestTimeTooSkewed', 'permanent'],
    [403, 'InvalidObjectState', 'permanent'],
    [403, 'SomethingElse', 'denied'],
    [400, 'ExpiredToken', 'permanent'],
    [400, 'SomethingElse', 'permanent'],
    [301, 'PermanentRedirect', 'permanent'],
    [404, 'NoSuchBucket', 'missing'],
    [404, 'SomethingElse', 'missing'],
    [503, 'SlowDown', 'transient'],
    [429, 'TooManyRequests', 'transient'],
    [500, 'InternalError', 'transient'],
    [502, 'SomethingElse', 'transient'],
  ])('calls %i %s %s', async (status, code, kind) => {
    const options = await serve(answer(status, code));
    expect(await failureOf('s3://models/model.onnx', options)).toMatchObject({
      kind,
      code: kind === 'missing' ? 'MODEL_NOT_FOUND' : 'MODEL_UNAVAILABLE',
    });
  });

  it.each(['NoSuchBucket', 'NoSuchKey', 'SomethingElse'])(
    'calls the bucket missing where a HEAD finds none, whatever is said of the key (%s)',
    async (code) => {
      const options = await serve(answer(404, code));
      expect(await failureOf('s3://models/model.onnx', options)).toMatchObject({
        code: 'MODEL_NOT_FOUND',
        isBucket: true,
      });
    },
  );

  it.each([200, 403, 500])('calls the key missing where a HEAD of the bucket gives %i', async (status) => {
    const heads: (string | undefined)[] = [];
    const options = await serve((request, response) => {
      if (request.method !== 'HEAD') return answer(404, 'NoSuchKey')(request, response);
      heads.push(request.url);
      response.writeHead(status).end();
    });
    const source = await createS3Source('s3://models/', options);
    for (const name of ['model.json', 'model.onnx']) {
      await expect(source.open(name, patient)).rejects.toMatchObject({
        code: 'MODEL_NOT_FOUND',
        isBucket: false,
      });
    }
    source.close();
    expect(heads).toHaveLength(1);
  });

  it('asks once and leaves the repeating to its caller', async () => {
    let requests = 0;
    const options = await serve((request, response) => {
      requests += 1;
      answer(503, 'SlowDown')(request, response);
    });
    await failureOf('s3://models/model.onnx', options);
    expect(requests).toBe(1);
  });

  it('follows a bucket to the region it is in', async () => {
    const regions: (string | undefined)[] = [];
    const options = await serve((request, response) => {
      const region = /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '')?.[1];
      regions.push(region);
      if (region === 'eu-central-1') response.end('bytes');
      else answer(301, 'PermanentRedirect', { 'x-amz-bucket-region': 'eu-central-1' })(request, response);
    });
    expect(await read('s3://models/model.onnx', options)).toBe('bytes');
    expect(regions).toEqual(['us-east-1', 'eu-central-1']);
  });

  it('calls an endpoint where nothing listens transient, and names it', async () => {
    const server = await startScriptedServer(() => {});
    await server.close();
    const failure = await failureOf('s3://models/model.onnx', { endpoint: server.url });
    expect(failure).toMatchObject({ code: 'MODEL_UNAVAILABLE', kind: 'transient' });
    expect(failure.message).toContain(server.url.replace('http://', ''));
  });

  it('shows no secret in what it says', async () => {
    const options = await serve(answer(403, 'SignatureDoesNotMatch'));
    const endpoint = options.endpoint?.replace('//', '//me:hunter2@');
    const { message } = await failureOf('s3://models/model.onnx', { endpoint });
    expect(message).not.toMatch(new RegExp(`${SECRET}|${S3_TEST_KEY}|hunter2|X-Amz|Credential=`));
  });

  it("rejects with the signal's reason when it aborts", async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const options = await serve(() => controller.abort(reason));
    await expect(read('s3://models/model.onnx', options, controller.signal)).rejects.toBe(reason);
  });

  it.each(['minio:9000', 'not a url', 'ftp://host'])(
    'rejects with CONFIG_INVALID for the endpoint %j',
    async (endpoint) => {
      await expect(createS3Source('s3://models/', { endpoint })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      });
    },
  );
});
