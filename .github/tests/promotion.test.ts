import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ModelSchema } from '../../service/http/schemas.js';
import { ServiceProcess } from '../../service/test/support/service-process.js';
import { messageOf } from '../scripts/notify-slack.js';
import { readWait, type Wait, waitForVersion } from '../scripts/wait-for-version.js';
import { emptyFolder } from './support/folder.js';
import { DIST, runBeside, SCRIPTS } from './support/run.js';

const SHA256 = '5e'.repeat(32);
const OLD = {
  service_version: '0.1.0',
  name: 'digits',
  version: '1.0.0',
  digest: `sha256:${'0a'.repeat(32)}`,
};
const NEW = { ...OLD, service_version: '0.2.0', digest: `sha256:${SHA256}` };

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answers the first request with the first of these, and so on; with the last ever after. A number is a status. */
async function serveInTurn(
  ...answers: readonly (object | number)[]
): Promise<{ target: string; asked: () => number }> {
  let asked = 0;
  const target = await serve((_, response) => {
    const answer = answers[Math.min(asked, answers.length - 1)] ?? 500;
    asked += 1;
    if (typeof answer === 'number') response.writeHead(answer).end();
    else response.end(JSON.stringify(answer));
  });
  return { target, asked: () => asked };
}

const wait = (target: string, changes: Partial<Wait> = {}): Wait => ({
  target,
  version: '0.2.0',
  modelSha256: SHA256,
  apiKey: '',
  deadlineMs: 10_000,
  pauseMs: 1,
  inARow: 3,
  ...changes,
});
const nowhere = (): void => undefined;

describe('waiting for a version', () => {
  it('ends once it is served so many times in a row', async () => {
    const { target, asked } = await serveInTurn(OLD, 503, NEW);
    expect(await waitForVersion(wait(target), nowhere)).toBe(true);
    expect(asked()).toBe(5);
  });

  it('begins again where a pod of the version before still answers', async () => {
    const { target, asked } = await serveInTurn(NEW, NEW, OLD, NEW, NEW, NEW);
    expect(await waitForVersion(wait(target), nowhere)).toBe(true);
    expect(asked()).toBe(6);
  });

  it.each<[string, object | number]>([
    ['the version before', OLD],
    ['the new service with the old model', { ...NEW, digest: OLD.digest }],
    ['the old service with the new model', { ...OLD, digest: NEW.digest }],
    ['a service that does not say its version', { digest: NEW.digest }],
    ['errors', 500],
  ])('ends at the deadline with %s', async (_, answer) => {
    const { target } = await serveInTurn(answer);
    expect(await waitForVersion(wait(target, { deadlineMs: 100 }), nowhere)).toBe(false);
  });

  it('ends at the deadline where nobody answers', async () => {
    const said: string[] = [];
    const target = 'http://127.0.0.1:1';
    expect(await waitForVersion(wait(target, { deadlineMs: 100 }), (line) => said.push(line))).toBe(false);
    expect(said.at(-1)).toMatch(/not served; last seen: no answer/);
  });

  it('waits for the model alone, or the service alone, where that is all there is to say', async () => {
    const { target } = await serveInTurn(NEW);
    expect(await waitForVersion(wait(target, { version: '' }), nowhere)).toBe(true);
    expect(await waitForVersion(wait(target, { modelSha256: '' }), nowhere)).toBe(true);
  });

  it('tells the digest of a model with external data from that of one file', async () => {
    const modelSha256 = `sha256-files:${SHA256}`;
    const { target } = await serveInTurn({ ...NEW, digest: modelSha256 });
    expect(await waitForVersion(wait(target, { modelSha256 }), nowhere)).toBe(true);
    expect(await waitForVersion(wait(target, { deadlineMs: 100 }), nowhere)).toBe(false);
  });

  it('asks over a new connection each time, with the key', async () => {
    const ports = new Set<number | undefined>();
    const keys = new Set<unknown>();
    const target = await serve(({ socket, headers }, response) => {
      ports.add(socket.remotePort);
      keys.add(headers['x-api-key']);
      response.end(JSON.stringify(NEW));
    });
    await waitForVersion(wait(target, { apiKey: 'secret', inARow: 5 }), nowhere);
    expect([ports.size, [...keys]]).toEqual([5, ['secret']]);
  });

  it.each([
    [{ TARGET: 'ftp://x', EXPECT_VERSION: '1.0.0' }, /TARGET/],
    [{ TARGET: 'http://x' }, /nothing to wait for/],
    [{ TARGET: 'http://x', EXPECT_VERSION: '1.0.0', DEADLINE_SECONDS: 'soon' }, /DEADLINE_SECONDS/],
  ])('refuses %j', (environment, message) => {
    expect(() => readWait(environment)).toThrow(message);
  });
});

it('the service says in /model what is waited for', () => {
  expect(Object.keys(ModelSchema.properties)).toEqual(expect.arrayContaining(['service_version', 'digest']));
});

describe('checking a promotion', () => {
  let service: ServiceProcess;
  let model: { readonly service_version: string; readonly digest: string };
  beforeAll(async () => {
    service = new ServiceProcess({});
    await service.said('ready');
    model = (await (await fetch(`${service.url}/model`)).json()) as typeof model;
  });
  afterAll(() => service.destroy());
  const check = (env: Readonly<Record<string, string>>) =>
    runBeside(join(SCRIPTS, 'check-promotion'), [], {
      env: { PAUSE_MS: '10', OUT: emptyFolder(), ...env },
    });

  it('waits, then runs the smoke test, against the service as it ships', async () => {
    const expected = {
      EXPECT_VERSION: model.service_version ?? '',
      EXPECT_MODEL_SHA256: model.digest.slice(7),
    };
    const { code, stdout } = await check({ TARGET: service.url, ...expected });
    expect(stdout).toMatch(/served 20 times in a row[\s\S]*smoke/);
    expect(code).toBe(0);
  });

  it('fails where the version does not come', async () => {
    const { code, stdout } = await check({
      TARGET: service.url,
      EXPECT_MODEL_SHA256: SHA256,
      DEADLINE_SECONDS: '1',
    });
    expect([code, stdout]).toEqual([1, expect.stringContaining('not served; last seen:')]);
  });

  it('fails where the version comes, and the smoke test fails', async () => {
    const target = await serve(({ url }, response) => {
      if (url === '/model') response.end(JSON.stringify(NEW));
      else response.writeHead(500).end();
    });
    const { code } = await check({ TARGET: target, EXPECT_VERSION: '0.2.0' });
    expect(code).toBe(99);
  });

  it('says so where there is no endpoint to check', async () => {
    expect(await check({ EXPECT_VERSION: '0.2.0' })).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('::warning::nothing is checked'),
    });
  });
});

describe('the notice in Slack', () => {
  const notify = (env: Readonly<Record<string, string>>) =>
    runBeside('node', [join(DIST, 'notify-slack.js')], { env });

  it('says what, how it ended and where to look', async () => {
    const bodies: unknown[] = [];
    const url = await serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.end('ok');
    });
    const env = { RESULT: 'success', TITLE: 'staging 0.2.0', LINK: 'https://example.com/1' };
    expect(await notify({ SLACK_WEBHOOK_URL: url, ...env })).toMatchObject({ code: 0 });
    expect(bodies).toEqual([
      { text: ':white_check_mark: staging 0.2.0: success <https://example.com/1|details>' },
    ]);
  });

  it('lets nobody write a link or a mention of their own', () => {
    expect(messageOf({ RESULT: 'failure', TITLE: '<!channel> & <https://evil|x>' })).toBe(
      ':x: &lt;!channel&gt; &amp; &lt;https://evil|x&gt;: failure',
    );
  });

  it('is optional, and fails nothing, and keeps the address to itself', async () => {
    expect(await notify({})).toMatchObject({ code: 0, stdout: 'no SLACK_WEBHOOK_URL: no notice\n' });
    const refusing = await serve((_, response) => response.writeHead(404).end());
    expect(await notify({ SLACK_WEBHOOK_URL: refusing })).toMatchObject({
      code: 0,
      stdout: '::warning::Slack answered 404\n',
    });
    const { code, stdout, stderr } = await notify({ SLACK_WEBHOOK_URL: 'http://127.0.0.1:1/hush' });
    expect([code, stdout.startsWith('::warning::'), `${stdout}${stderr}`.includes('hush')]).toEqual([
      0,
      true,
      false,
    ]);
  });
});
