import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  isStrictS3Served,
  STRICT_S3,
  strictS3Client,
  strictTitle,
  stubStrictS3Keys,
} from '../../test/support/strict-s3.js';
import { createS3Source } from './s3.js';
import type { SourceFailure } from './source-failure.js';

const BUCKET = 'strict-models';
const MODEL = randomBytes(5 * 1024 * 1024);

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Uploads as the SDK does by default, with signatures and checksums. */
async function upload(objects: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
  const { CreateBucketCommand, PutObjectCommand } = await import('@aws-sdk/client-s3');
  const client = await strictS3Client();
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  for (const [Key, Body] of Object.entries(objects)) {
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
  }
  client.destroy();
}

async function read(uri: string, name?: string): Promise<Buffer> {
  const source = await createS3Source(uri, { endpoint: STRICT_S3.endpoint });
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

describe.skipIf(!isStrictS3Served)(
  strictTitle('the S3 source against a server that verifies signatures'),
  () => {
    beforeAll(async () => {
      await upload({
        'digits/model.onnx': MODEL,
        'digits/model.json': '{}',
        'digits/golden/a b+c%20#?é.png': 'image bytes',
      });
    });

    beforeEach(stubStrictS3Keys);
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
        expect(failure.message).not.toMatch(new RegExp(`\n|${STRICT_S3.secretAccessKey}|a-wrong-secret`));
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
      const source = await createS3Source(`s3://${BUCKET}/digits/`, { endpoint: STRICT_S3.endpoint });
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
  },
);
