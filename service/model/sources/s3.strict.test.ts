import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createS3Source } from './s3.js';
import type { SourceFailure } from './source-failure.js';

const { CV_STRICT_S3_ENDPOINT, CV_STRICT_S3_ACCESS_KEY, CV_STRICT_S3_SECRET } = process.env;
const endpoint = CV_STRICT_S3_ENDPOINT ?? '';
const accessKeyId = CV_STRICT_S3_ACCESS_KEY ?? '';
const secretAccessKey = CV_STRICT_S3_SECRET ?? '';
const isServed = [endpoint, accessKeyId, secretAccessKey].every((value) => value !== '');

const BUCKET = 'strict-models';
const MODEL = randomBytes(5 * 1024 * 1024);

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Uploads as the SDK does by default, with signatures and checksums. */
async function upload(objects: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  const { CreateBucketCommand, PutObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  for (const [Key, Body] of Object.entries(objects)) {
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
  }
  client.destroy();
}

async function read(uri: string, name?: string): Promise<Buffer> {
  const source = await createS3Source(uri, { endpoint });
  try {
    const { stream } = await source.open(name ?? source.entry ?? 'model.onnx', new AbortController().signal);
    return await buffer(stream);
  } finally {
    source.close();
  }
}

async function failureOf(uri: string): Promise<SourceFailure> {
  return await read(uri).then(
    () => expect.fail(),
    (thrown) => thrown,
  );
}

const title = 'the S3 source against a server that verifies signatures';
const skipped = `${title} (skipped: CV_STRICT_S3_ENDPOINT, _ACCESS_KEY and _SECRET are not set; run .ci/strict-s3)`;

describe.skipIf(!isServed)(isServed ? title : skipped, () => {
  beforeAll(async () => {
    await upload({
      'digits/model.onnx': MODEL,
      'digits/model.json': '{}',
      'digits/golden/a b+c%20#?é.png': 'image bytes',
    });
  });

  beforeEach(() => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
    vi.stubEnv('AWS_SESSION_TOKEN', undefined);
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/dev/null');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/dev/null');
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  });

  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it.each([`s3://${BUCKET}/digits/model.onnx`, `s3://${BUCKET}/digits/`, `s3://${BUCKET}/digits`])(
    'reads %s with the right secret, byte for byte',
    async (uri) => {
      expect(sha256(await read(uri))).toBe(sha256(MODEL));
    },
  );

  it('signs keys with every kind of character', async () => {
    const content = await read(`s3://${BUCKET}/digits/`, 'golden/a b+c%20#?é.png');
    expect(content.toString()).toBe('image bytes');
  });

  it.each([
    ['AWS_SECRET_ACCESS_KEY', 'a-wrong-secret'],
    ['AWS_ACCESS_KEY_ID', 'a-wrong-access-key'],
    ['AWS_ACCESS_KEY_ID', undefined],
  ])(
    'refuses with MODEL_UNAVAILABLE when %s is %s, in one line that names the variable',
    async (name, value) => {
      vi.stubEnv(name, value);
      const failure = await failureOf(`s3://${BUCKET}/digits/model.onnx`);
      expect(failure).toMatchObject({ code: 'MODEL_UNAVAILABLE', kind: 'permanent' });
      expect(failure.message).toContain(name);
      expect(failure.message).not.toMatch(new RegExp(`\n|${secretAccessKey}|a-wrong-secret`));
    },
  );

  it('calls a bucket missing that is not there', async () => {
    expect(await failureOf('s3://no-such-bucket/digits/')).toMatchObject({
      code: 'MODEL_NOT_FOUND',
      isBucket: true,
    });
    expect(await failureOf(`s3://${BUCKET}/other`)).toMatchObject({ isBucket: false });
  });

  it('goes on in mid-object, or at its start where that has changed', async () => {
    const source = await createS3Source(`s3://${BUCKET}/digits/`, { endpoint });
    const signal = new AbortController().signal;
    const { version = '', size = 0, stream } = await source.open('model.onnx', signal);
    stream.destroy();
    const rest = await source.open('model.onnx', signal, { offset: 1000, version, size });
    expect(rest.offset).toBe(1000);
    expect(sha256(await buffer(rest.stream))).toBe(sha256(MODEL.subarray(1000)));
    const changed = await source.open('model.onnx', signal, { offset: 1000, version: '"other"', size });
    expect(changed.offset ?? 0).toBe(0);
    expect(sha256(await buffer(changed.stream))).toBe(sha256(MODEL));
    source.close();
  });

  it.each([
    's3://no-such-bucket/digits/model.onnx',
    `s3://${BUCKET}/digits/other.onnx`,
    `s3://${BUCKET}/other`,
  ])('refuses with MODEL_NOT_FOUND for %s', async (uri) => {
    expect(await failureOf(uri)).toMatchObject({ code: 'MODEL_NOT_FOUND', kind: 'missing' });
  });
});
