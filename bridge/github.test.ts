import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GitHub, NotDelivered } from './github.js';
import { type Fault, GitHubServer } from './github-server.test-support.js';

const NEVER = new AbortController().signal;
const PAYLOAD = { decision: '1-2-3', model: 'digits' };

describe('GitHub', () => {
  let folder: string;
  let server: GitHubServer;
  let github: GitHub;
  let calls: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cv-bridge-'));
    writeFileSync(join(folder, 'token'), 'the-first-token\n');
    server = await GitHubServer.start();
    github = connect(server.url);
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  function connect(apiUrl: string): GitHub {
    calls = [];
    return new GitHub({
      apiUrl,
      repository: 'us/it',
      tokenFile: join(folder, 'token'),
      timeoutMs: 500,
      firstPauseMs: 1,
      onCall: (call, result) => calls.push(`${call} ${result}`),
    });
  }

  it('gets the event, the payload and the token that the file has now', async () => {
    expect(await github.dispatch(PAYLOAD, NEVER)).toBe('accepted');
    writeFileSync(join(folder, 'token'), 'the-second-token');
    expect(await github.dispatch(PAYLOAD, NEVER)).toBe('accepted');
    expect(server.dispatches).toEqual([
      { authorization: 'Bearer the-first-token', event_type: 'model-drift', client_payload: PAYLOAD },
      { authorization: 'Bearer the-second-token', event_type: 'model-drift', client_payload: PAYLOAD },
    ]);
  });

  it.each<[string, Fault]>([
    ['failed', { status: 500 }],
    ['is away', { status: 503 }],
    ['has had too much', { status: 429, headers: { 'retry-after': '0' } }],
    ['has a secondary limit', { status: 403, headers: { 'retry-after': '0' } }],
    [
      'has a limit that ends now',
      { status: 403, headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' } },
    ],
  ])('is asked again where it says that it %s', async (_, fault) => {
    server.faults.push(fault, fault);
    expect(await github.dispatch(PAYLOAD, NEVER)).toBe('accepted');
    expect(server.dispatches).toHaveLength(1);
  });

  it('is asked four times at most', async () => {
    server.faults.push(...Array.from({ length: 9 }, () => ({ status: 502 })));
    await expect(github.dispatch(PAYLOAD, NEVER)).rejects.toThrow(NotDelivered);
    expect(calls.filter((call) => call === 'dispatch 502')).toHaveLength(4);
  });

  it('is not asked again where it failed after it had taken the dispatch', async () => {
    server.faults.push({ status: 502, taken: true });
    expect(await github.dispatch(PAYLOAD, NEVER)).toBe('accepted');
    expect(server.dispatches).toHaveLength(1);
  });

  it('is not asked again where it failed, and does not say whether the run is there', async () => {
    server.faults.push({ status: 502, taken: true });
    server.listsRuns = false;
    expect(await github.dispatch(PAYLOAD, NEVER)).toBe('unknown');
    expect(server.dispatches).toHaveLength(1);
  });

  it.each<[string, Fault]>([
    ['does not answer', 'silence'],
    ['breaks the connection', 'reset'],
  ])('is not asked again where it %s: nobody knows whether it was delivered', async (_, fault) => {
    server.faults.push(fault);
    expect(await github.dispatch(PAYLOAD, NEVER)).toBe('unknown');
    expect([server.dispatches.length, calls]).toEqual([1, ['dispatch lost']]);
  });

  it.each<[string, Fault]>([
    ['does not know the token', { status: 401 }],
    ['gives the token no right', { status: 403 }],
    ['does not know the repository', { status: 404 }],
    ['does not take the payload', { status: 422 }],
    ['has moved', { status: 301, headers: { location: 'http://127.0.0.1:9/' } }],
    ['has a limit that ends much later', { status: 429, headers: { 'retry-after': '3600' } }],
  ])('is not asked again where it %s', async (_, fault) => {
    server.faults.push(fault);
    await expect(github.dispatch(PAYLOAD, NEVER)).rejects.toThrow(NotDelivered);
    expect(server.calls).toBe(1);
  });

  it('was surely not told where nobody listens', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    github = connect(`http://127.0.0.1:${port}`);
    await expect(github.dispatch(PAYLOAD, NEVER)).rejects.toThrow(/cannot be reached: ECONNREFUSED/);
    expect(calls).toEqual(Array.from({ length: 4 }, () => 'dispatch unsent'));
  });

  it('is not asked again when the bridge ends', async () => {
    server.faults.push({ status: 500 }, { status: 500 });
    const ended = new AbortController();
    ended.abort();
    await expect(github.dispatch(PAYLOAD, ended.signal)).rejects.toThrow(NotDelivered);
    expect(calls).toEqual(['dispatch 500', 'runs 200']);
  });

  it('lists trainings by the names of their runs, and nothing else', async () => {
    server.addRun({
      display_title: 'retrain digits 1-2-3',
      event: 'repository_dispatch',
      conclusion: 'failure',
    });
    server.addRun({
      display_title: 'retrain digit-finder schedule',
      event: 'schedule',
      status: 'queued',
      conclusion: null,
    });
    server.addRun({ display_title: 'Something else' });
    const [second, first] = await github.trainings();
    expect(await github.trainings()).toHaveLength(2);
    expect(first).toMatchObject({
      model: 'digits',
      cause: '1-2-3',
      event: 'repository_dispatch',
      isOver: true,
      conclusion: 'failure',
    });
    expect(second).toMatchObject({ model: 'digit-finder', cause: 'schedule', isOver: false, conclusion: '' });
    expect(Date.now() - (first?.startedAt ?? 0)).toBeLessThan(60_000);
  });

  it('that does not list them is a reason to stop', async () => {
    server.listsRuns = false;
    await expect(github.trainings()).rejects.toThrow('GitHub answered 404: Not Found');
  });
});
