import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3_TEST_KEY, startScriptedServer } from '../../test/support/s3-server.js';
import { CannotGoOn } from '../outcome.js';
import { s3Images } from './s3-images.js';

const CREDENTIALS = { AWS_ACCESS_KEY_ID: S3_TEST_KEY, AWS_SECRET_ACCESS_KEY: S3_TEST_KEY };
const OPTIONS = { formats: ['jpeg', 'png'], attempts: 2, forcePathStyle: true } as const;

const credentialsBefore = Object.keys(CREDENTIALS).map((name) => [name, process.env[name]] as const);
beforeAll(() => void Object.assign(process.env, CREDENTIALS));
afterAll(() => {
  for (const [name, value] of credentialsBefore) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

async function namesOf(uri: string, endpoint: string): Promise<string[]> {
  const place = s3Images(uri, { ...OPTIONS, endpoint });
  const names: string[] = [];
  for await (const name of place.list()) names.push(name);
  place.close();
  return names;
}

describe('the images of a bucket', () => {
  it('are read page by page', async () => {
    const asked: string[] = [];
    const server = await startScriptedServer((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://host');
      const token = searchParams.get('continuation-token');
      asked.push(`${searchParams.get('prefix')} ${token}`);
      const page =
        token === null
          ? '<Contents><Key>a/1.jpg</Key></Contents><Contents><Key>a/x.txt</Key></Contents><IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken>'
          : '<Contents><Key>a/ä &amp; b.PNG</Key></Contents><IsTruncated>false</IsTruncated>';
      response.end(`<?xml version="1.0"?><ListBucketResult>${page}</ListBucketResult>`);
    });
    try {
      expect(await namesOf('s3://bucket/a', server.url)).toEqual([
        's3://bucket/a/1.jpg',
        's3://bucket/a/ä & b.PNG',
      ]);
      expect(asked).toEqual(['a/ null', 'a/ more']);
    } finally {
      await server.close();
    }
  });

  it('are one where an object is named', async () => {
    expect(await namesOf('s3://bucket/a/1.jpg', 'http://127.0.0.1:9')).toEqual(['s3://bucket/a/1.jpg']);
    const place = s3Images('s3://bucket/a', OPTIONS);
    expect(place.relative('s3://bucket/a/b/1.jpg')).toBe('b/1.jpg');
  });

  it('cannot be listed where nobody answers, which is no fault of an image', async () => {
    await expect(namesOf('s3://bucket/a', 'http://127.0.0.1:9')).rejects.toThrow(CannotGoOn);
    const place = s3Images('s3://bucket/a', { ...OPTIONS, attempts: 1, endpoint: 'http://127.0.0.1:9' });
    await expect(place.read('s3://bucket/a/1.jpg', 100)).rejects.toThrow(CannotGoOn);
  });
});
