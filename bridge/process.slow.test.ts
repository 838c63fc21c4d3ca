import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BridgeProcess, TOKEN } from './bridge-process.test-support.js';
import type { Dispatch } from './decide.js';
import { GitHubServer } from './github-server.test-support.js';
import { alertOf, notificationOf } from './notification.test-support.js';

describe('the process', () => {
  let folder: string;
  let github: GitHubServer;
  let environment: NodeJS.ProcessEnv;
  let bridge: BridgeProcess;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cv-bridge-'));
    writeFileSync(join(folder, 'alerts-token'), TOKEN);
    writeFileSync(join(folder, 'github-token'), 'a-token');
    github = await GitHubServer.start();
    environment = {
      ALERTS_TOKEN_FILE: join(folder, 'alerts-token'),
      GITHUB_TOKEN_FILE: join(folder, 'github-token'),
      GITHUB_REPOSITORY: 'us/it',
      GITHUB_API_URL: github.url,
      STATE_FILE: join(folder, 'state.json'),
    };
    bridge = await BridgeProcess.start(environment);
  });
  afterEach(async () => {
    await bridge.stop('SIGKILL');
    await github.close();
    rmSync(folder, { recursive: true });
  });

  it('turns alerts into one dispatch, and does so over repetitions and a kill', async () => {
    const two = notificationOf([alertOf({ feature: 'brightness' }), alertOf({ feature: 'sharpness' })]);
    expect(await bridge.decide(two)).toEqual([200, ['dispatched']]);
    expect(await bridge.decide(two)).toEqual([200, ['duplicate']]);
    const about = { model: 'digits', namespace: 'cv-inference', alerts: 2, startedAt: alertOf().startsAt };
    await expect.poll(decided).toEqual([
      { ...about, level: 'info', outcome: 'dispatched', decision: stateNow()[0]?.id },
      { ...about, level: 'info', outcome: 'duplicate' },
    ]);
    await bridge.stop('SIGKILL');
    bridge = await BridgeProcess.start(environment);
    expect(await bridge.decide(two)).toEqual([200, ['duplicate']]);
    expect(github.dispatches).toHaveLength(1);
    expect(await bridge.metric('cv_bridge_decisions_total{outcome="duplicate"}')).toBe(1);
    expect(await bridge.metric('cv_bridge_last_dispatch_timestamp_seconds')).toBeCloseTo(
      Date.now() / 1000,
      -2,
    );
  });

  it('finds out by itself what became of a dispatch without an answer', async () => {
    github.faults.push('reset');
    expect(await bridge.decide(notificationOf())).toEqual([200, ['unknown']]);
    expect(await bridge.metric('cv_bridge_unanswered_dispatches')).toBe(1);
    await untilAnswered();
    expect(stateNow()).toMatchObject([{ delivery: 'accepted' }]);
    expect(github.dispatches).toHaveLength(1);
  });

  it('does so over a kill, and asks again where GitHub never heard of it', async () => {
    github.faults.push('reset');
    await bridge.decide(notificationOf());
    await bridge.stop('SIGKILL');
    github.runs.length = 0;
    const longAgo = stateNow().map((dispatch) => ({ ...dispatch, at: Date.now() - 11 * 60_000 }));
    writeFileSync(environment['STATE_FILE'] ?? '', JSON.stringify({ version: 1, dispatches: longAgo }));
    bridge = await BridgeProcess.start(environment);
    await untilAnswered();
    expect(stateNow()).toEqual([]);
    expect(await bridge.metric('cv_bridge_last_dispatch_timestamp_seconds')).toBe(0);
    expect(await bridge.decide(notificationOf())).toEqual([200, ['dispatched']]);
  });

  it('does not forget it while GitHub does not say', async () => {
    await bridge.stop('SIGKILL');
    const dispatch = {
      id: 'one',
      model: 'digits',
      group: 'a',
      at: Date.now() - 11 * 60_000,
      delivery: 'unknown',
    };
    writeFileSync(environment['STATE_FILE'] ?? '', JSON.stringify({ version: 1, dispatches: [dispatch] }));
    github.listsRuns = false;
    bridge = await BridgeProcess.start(environment);
    await expect.poll(() => bridge.logs.some(({ level }) => level === 'warn')).toBe(true);
    expect(await bridge.metric('cv_bridge_unanswered_dispatches')).toBe(1);
    expect(stateNow()).toEqual([dispatch]);
  });

  /** What the log says was decided. */
  function decided(): object[] {
    return bridge.logs.filter(({ msg }) => msg === 'decided').map(({ msg, time, ...rest }) => rest);
  }

  function stateNow(): Dispatch[] {
    return JSON.parse(readFileSync(environment['STATE_FILE'] ?? '', 'utf8')).dispatches;
  }

  async function untilAnswered(): Promise<void> {
    const unanswered = (): Promise<number> => bridge.metric('cv_bridge_unanswered_dispatches');
    await expect.poll(unanswered, { timeout: 15_000 }).toBe(0);
  }

  it('asks for the models of its settings alone, and says so of the others', async () => {
    await bridge.stop('SIGKILL');
    bridge = await BridgeProcess.start({ ...environment, MODELS: 'letters' });
    const both = notificationOf([alertOf(), alertOf({ model: 'letters' })]);
    expect(await bridge.decide(both)).toEqual([200, ['not_trainable', 'dispatched']]);
    await expect
      .poll(decided)
      .toMatchObject([{ model: 'digits', outcome: 'not_trainable' }, { model: 'letters' }]);
    expect(await bridge.metric('cv_bridge_decisions_total{outcome="not_trainable"}')).toBe(1);
    expect(github.dispatches).toMatchObject([{ client_payload: { model: 'letters' } }]);
  });

  it('takes what is resolved for nothing to do', async () => {
    expect(await bridge.decide(notificationOf([alertOf({}, { status: 'resolved' })]))).toEqual([200, []]);
    expect(github.calls).toBe(0);
  });

  it('answers such that Alertmanager sends again where nothing was delivered', async () => {
    github.faults.push({ status: 401 });
    const answer = await bridge.send(notificationOf());
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '60']);
    expect(await answer.json()).toEqual({ decisions: [{ model: 'digits', outcome: 'failed' }] });
  });

  it('ends by a signal, with what it had begun', async () => {
    github.faults.push(...Array.from({ length: 4 }, () => ({ status: 500 })));
    const answer = bridge.send(notificationOf());
    await expect.poll(() => github.calls, { timeout: 10_000 }).toBeGreaterThan(1);
    expect(await bridge.stop('SIGTERM')).toBe(0);
    expect((await answer).status).toBe(503);
  });

  it.each([
    ['without a token for Alertmanager', { ALERTS_TOKEN_FILE: '' }],
    ['with a broken state', { STATE_FILE: import.meta.filename }],
    ['with a token that can be guessed', { ALERTS_TOKEN_FILE: 'github-token' }],
  ])('does not start %s', async (_, changes) => {
    const given = Object.fromEntries(
      Object.entries(changes).map(([name, file]) => [
        name,
        file === 'github-token' ? join(folder, file) : file,
      ]),
    );
    const refused = await BridgeProcess.start({ ...environment, ...given });
    expect(await refused.exit).toBe(1);
    expect(refused.logs).toEqual([expect.objectContaining({ level: 'fatal' })]);
  });

  it('says that it works, and where there is nothing', async () => {
    expect(await (await fetch(`${bridge.url}/health`)).json()).toEqual({ status: 'ok' });
    expect((await fetch(`${bridge.url}/alerts`)).status).toBe(404);
  });

  describe('to whom it does not know', () => {
    it.each(['', 'Bearer', 'Bearer wrong-token-of-alertmanager', `Basic ${TOKEN}`])(
      'gives nothing for %j, and takes no body',
      async (authorization) => {
        const answer = await bridge.send(notificationOf(), { authorization });
        expect([answer.status, github.calls]).toEqual([401, 0]);
      },
    );

    it('gives a limited number of guesses', async () => {
      const statuses = await Promise.all(
        Array.from(
          { length: 130 },
          async () => (await bridge.send({}, { authorization: 'Bearer guess' })).status,
        ),
      );
      expect(new Set(statuses)).toEqual(new Set([401, 429]));
      expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(10);
    });
  });

  it.each<[string, string | object, number]>([
    ['what is no JSON', '{"version":', 400],
    ['another version', notificationOf([], { version: '3' }), 400],
    ['JSON as deep as the limit allows', '['.repeat(500_000), 400],
    ['objects as deep, closed again', `${'{"a":'.repeat(80_000)}1${'}'.repeat(80_000)}`, 400],
    ['a body over the limit', JSON.stringify(notificationOf([], { externalURL: 'x'.repeat(600_000) })), 413],
    ['a prototype', '{"__proto__":{"version":"4"},"version":"4","groupKey":"a","alerts":[]}', 400],
  ])('refuses %s, and works on', async (_, body, status) => {
    expect((await bridge.send(body)).status).toBe(status);
    expect(await bridge.decide(notificationOf())).toEqual([200, ['dispatched']]);
  });

  it('gives up on whoever sends slowly', async () => {
    const socket = connect(Number(new URL(bridge.url).port), '127.0.0.1');
    const head = `POST /alerts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n`;
    socket.write(`${head}{`);
    const drip = setInterval(() => socket.write(' '), 200);
    const [answer] = await once(socket.setEncoding('utf8'), 'data');
    clearInterval(drip);
    socket.destroy();
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(await bridge.decide(notificationOf())).toEqual([200, ['dispatched']]);
  });
});
