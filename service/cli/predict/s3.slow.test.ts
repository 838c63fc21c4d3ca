import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainPng } from '../../test/support/images.js';
import { S3_TEST_KEY, type S3TestServer, startS3Server } from '../../test/support/s3-server.js';
import { type CommandEnd, runTyped } from '../../test/support/terminal.js';

const BUCKET = 'photos';
const CREDENTIALS = { AWS_ACCESS_KEY_ID: S3_TEST_KEY, AWS_SECRET_ACCESS_KEY: S3_TEST_KEY };

const credentialsBefore = Object.keys(CREDENTIALS).map((name) => [name, process.env[name]] as const);
beforeAll(() => void Object.assign(process.env, CREDENTIALS));
afterAll(() => {
  for (const [name, value] of credentialsBefore) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

describe('a bucket in parts', () => {
  let server: S3TestServer;
  beforeAll(async () => {
    server = await startS3Server([BUCKET]);
    const png = await plainPng({ r: 10, g: 20, b: 30 });
    for (let index = 0; index < 20; index += 1) await server.put(BUCKET, `in/${index}.png`, png);
    await server.put(BUCKET, 'in/broken.jpg', 'broken');
    await server.put(BUCKET, 'inside/other.png', png);
  });
  afterAll(() => server.close());

  const predict = (...flags: string[]): Promise<CommandEnd> => {
    const env = { ...CREDENTIALS, AWS_ENDPOINT_URL_S3: server.endpoint, S3_FORCE_PATH_STYLE: 'true' };
    return runTyped(['predict', 'digits', `s3://${BUCKET}/in`, ...flags], { env });
  };
  const read = async (key: string): Promise<string> => {
    const response = await fetch(`${server.endpoint}/${BUCKET}/${key}`);
    return response.ok ? response.text() : `${response.status}`;
  };

  it('is answered once by three runs that share it, each with an object of its own', async () => {
    const out = ['--out', `s3://${BUCKET}/out/`];
    const ends = await Promise.all([0, 1, 2].map((index) => predict(...out, '--shard', `${index}/3`)));
    expect(ends.map(({ code }) => code).sort(), ends.map(({ stderr }) => stderr).join('\n')).toEqual([
      0, 0, 1,
    ]);
    const texts = await Promise.all(
      [0, 1, 2].map((index) => read(`out/answers-0000${index}-of-00003.jsonl`)),
    );
    const lines = texts.flatMap((text) => text.split('\n').filter((line) => line !== ''));
    const files = lines.map((line) => JSON.parse(line).file).sort();
    const wanted = Array.from({ length: 20 }, (_, index) => `s3://${BUCKET}/in/${index}.png`);
    expect(files).toEqual([...wanted, `s3://${BUCKET}/in/broken.jpg`].sort());

    const failed = ends.findIndex(({ code }) => code === 1);
    const again = await predict(...out, '--shard', `${failed}/3`);
    expect(again.code, again.stderr).toBe(1);
    expect(again.stderr).toMatch(/^0 images/m);
    const other = await predict(...out, '--shard', `${failed}/3`, '--top-k', '1');
    expect(other.code, other.stderr).toBe(3);
  });

  it('has no object of a run that could not be finished', async () => {
    const end = await predict('--out', `s3://no-such-bucket/out.jsonl`);
    expect(end.code, end.stderr).toBe(3);
  });
});
