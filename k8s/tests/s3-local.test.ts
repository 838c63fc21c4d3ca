import { spawn } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startScriptedServer } from '../../service/test/support/s3-server.js';

const ROOT = join(import.meta.dirname, '../..');
const script = (name: string): string => join(ROOT, 'k8s/components/s3-local/scripts', name);

interface Call {
  readonly line: string;
  readonly body: string;
  readonly authorization: string | undefined;
}

/** A server that notes what it is asked and answers what it is told. */
async function listen(answer: (line: string) => { status: number; body?: string }) {
  const calls: Call[] = [];
  const server = await startScriptedServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const line = `${request.method} ${request.url?.split('?')[0]}`;
      calls.push({
        line,
        body: Buffer.concat(chunks).toString('latin1'),
        authorization: request.headers.authorization,
      });
      const { status, body = '' } = answer(line);
      response.writeHead(status, { 'content-type': 'application/xml' }).end(body);
    });
  });
  onTestFinished(() => server.close());
  return { url: server.url, calls };
}

async function run(args: readonly string[], environment: Record<string, string>): Promise<number | null> {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] ?? '', NODE_NO_WARNINGS: '1', ...environment },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  return new Promise((resolve) => child.on('exit', resolve));
}

const S3_ENVIRONMENT = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's' };

it('the upload puts the whole model into the bucket, its file last', async () => {
  const { url, calls } = await listen(() => ({ status: 200 }));
  const args = [script('upload.mjs'), 'service/models/digits', 's3://models/digits'];
  expect(await run(args, { ...S3_ENVIRONMENT, AWS_ENDPOINT_URL_S3: url })).toBe(0);
  const lines = calls.map(({ line }) => line);
  expect(lines[0]).toMatch(/^PUT \/models\/?$/);
  expect(lines.at(-1)).toBe('PUT /models/digits/model.onnx');
  expect(lines).toContain('PUT /models/digits/model.json');
  const manifest = JSON.parse(await readFile(join(ROOT, 'service/models/digits/model.json'), 'utf8'));
  const named = [manifest.file, ...manifest.golden.map(({ file }: { file: string }) => file)];
  expect(named.filter((file) => !lines.includes(`PUT /models/digits/${file}`))).toEqual([]);
});

it('the upload goes on where the bucket is there, and fails where it may not write', async () => {
  const owned = '<Error><Code>BucketAlreadyOwnedByYou</Code></Error>';
  const denied = '<Error><Code>AccessDenied</Code></Error>';
  const { url } = await listen((line) =>
    /^PUT \/models\/?$/.test(line) ? { status: 409, body: owned } : { status: 403, body: denied },
  );
  const args = [script('upload.mjs'), 'service/models/digits', 's3://models/digits'];
  expect(await run(args, { ...S3_ENVIRONMENT, AWS_ENDPOINT_URL_S3: url })).not.toBe(0);
});

async function account(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'account-'));
  await writeFile(join(folder, 'namespace'), 'cv-inference');
  await writeFile(join(folder, 'token'), 'a-token');
  return folder;
}

it.each([
  [201, 0],
  [409, 0],
  [403, 1],
])(
  'credentials are random and made once: the API server answers %i, the script ends with %i',
  async (status, code) => {
    const { url, calls } = await listen(() => ({ status, body: '{}' }));
    const environment = { KUBERNETES_API: url, SERVICE_ACCOUNT_DIR: await account() };
    const args = [script('credentials.mjs'), 'cv-inference-secrets'];
    expect(await run(args, environment)).toBe(code);
    expect(await run(args, environment)).toBe(code);
    expect(calls[0]).toMatchObject({
      line: 'POST /api/v1/namespaces/cv-inference/secrets',
      authorization: 'Bearer a-token',
    });
    const [first, second] = calls.map(({ body }) => JSON.parse(body));
    expect(first).toMatchObject({ kind: 'Secret', metadata: { name: 'cv-inference-secrets' } });
    expect(Object.keys(first.stringData)).toEqual(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']);
    expect(first.stringData.AWS_SECRET_ACCESS_KEY).toMatch(/^[0-9a-f]{40}$/);
    expect(second.stringData).not.toEqual(first.stringData);
  },
);
