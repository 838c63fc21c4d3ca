import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bridge, type Decision } from './bridge.js';
import type { Limits } from './decide.js';
import { GitHub } from './github.js';
import { GitHubServer } from './github-server.test-support.js';
import type { TrainingRequest } from './notification.js';
import { StateFile } from './state-file.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const LIMITS: Limits = {
  deduplicationWindowMs: 24 * HOUR,
  cooldownMs: 6 * HOUR,
  dailyLimit: 3,
  maxFailedTrainings: 2,
  failedTrainingsPauseMs: 72 * HOUR,
};
const REQUEST: TrainingRequest = {
  model: 'digits',
  namespace: 'cv-inference',
  groupKey: 'a',
  alerts: [{ name: 'CvInferenceModelDrift' }],
  startedAt: '2026-11-22T10:00:00Z',
};

describe('the bridge', () => {
  let folder: string;
  let server: GitHubServer;
  let now: number;
  let bridge: Bridge;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cv-bridge-'));
    writeFileSync(join(folder, 'token'), 'a-token');
    server = await GitHubServer.start();
    now = Date.now();
    bridge = await start();
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(): Promise<Bridge> {
    return new Bridge({
      state: await StateFile.open(join(folder, 'state.json'), now),
      github: new GitHub({
        apiUrl: server.url,
        repository: 'us/it',
        tokenFile: join(folder, 'token'),
        timeoutMs: 500,
        firstPauseMs: 1,
        onCall: () => undefined,
      }),
      models: ['digits', 'other', 'a', 'b', 'c', 'd'],
      limits: LIMITS,
      logger: pino({ level: 'silent' }),
      now: () => now,
      stop: new AbortController().signal,
    });
  }

  const outcome = async (changes: Partial<TrainingRequest> = {}): Promise<Decision['outcome']> =>
    (await bridge.handle({ ...REQUEST, ...changes })).outcome;

  it('asks GitHub for a training with what is known about the alert', async () => {
    const decision = await bridge.handle(REQUEST);
    expect(decision).toEqual({ model: 'digits', outcome: 'dispatched', decision: expect.any(String) });
    expect(server.dispatches.map(({ client_payload }) => client_payload)).toEqual([
      {
        model: 'digits',
        namespace: 'cv-inference',
        group_key: 'a',
        alerts: [{ name: 'CvInferenceModelDrift' }],
        started_at: '2026-11-22T10:00:00Z',
        requested_by: 'bridge',
        decision: decision.decision,
      },
    ]);
  });

  it('asks for no model that is not trained, whatever else holds', async () => {
    expect(await bridge.handle({ ...REQUEST, model: 'digit-finder' })).toEqual({
      model: 'digit-finder',
      outcome: 'not_trainable',
    });
    expect([server.calls, await outcome()]).toEqual([0, 'dispatched']);
  });

  it('dispatches once for what comes at the same moment', async () => {
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => outcome()));
    expect(outcomes).toEqual(['dispatched', ...Array.from({ length: 9 }, () => 'duplicate')]);
    expect(server.dispatches).toHaveLength(1);
  });

  it('remembers over a restart', async () => {
    await outcome();
    bridge = await start();
    expect(await outcome()).toBe('duplicate');
    expect(await outcome({ groupKey: 'b' })).toBe('cooldown');
    expect(server.dispatches).toHaveLength(1);
  });

  it('asks again when the window is over and the last training has ended', async () => {
    await outcome();
    now += 25 * HOUR;
    expect(await outcome()).toBe('in_progress');
    server.endRuns('success', now);
    expect(await outcome()).toBe('dispatched');
  });

  it('asks for no more than the daily limit', async () => {
    const models = ['a', 'b', 'c', 'd'];
    const outcomes = [];
    for (const model of models) outcomes.push(await outcome({ model }));
    expect(outcomes).toEqual(['dispatched', 'dispatched', 'dispatched', 'daily_limit']);
  });

  it('stops when trainings fail, and goes on when one by hand succeeds', async () => {
    for (const hours of [2, 1]) {
      const at = new Date(now - hours * HOUR).toISOString();
      server.addRun({ event: 'repository_dispatch', conclusion: 'failure', created_at: at, updated_at: at });
    }
    expect(await outcome()).toBe('circuit_open');
    server.addRun({});
    expect(await outcome()).toBe('dispatched');
  });

  it('is not held up for a day by what was surely not delivered', async () => {
    server.faults.push({ status: 401 });
    expect(await outcome()).toBe('failed');
    now += MINUTE;
    expect(await outcome()).toBe('dispatched');
    expect(server.dispatches).toHaveLength(1);
  });

  it('leaves GitHub alone for half a minute after a failure', async () => {
    server.faults.push({ status: 401 });
    await outcome();
    const { calls } = server;
    now += 29_000;
    expect([await outcome(), await outcome({ model: 'other' }), server.calls]).toEqual([
      'failed',
      'failed',
      calls,
    ]);
    now += 1000;
    expect(await outcome()).toBe('dispatched');
  });

  it('leaves it alone no longer where the clock is set back meanwhile', async () => {
    server.faults.push({ status: 401 });
    await outcome();
    now -= HOUR;
    expect(await outcome()).toBe('dispatched');
  });

  it('dispatches nothing where GitHub does not say how trainings ended', async () => {
    server.listsRuns = false;
    expect([await outcome(), server.dispatches.length]).toEqual(['failed', 0]);
  });

  it('dispatches nothing that it could not remember', async () => {
    rmSync(folder, { recursive: true });
    expect([await outcome(), server.dispatches.length]).toEqual(['failed', 0]);
  });

  it('takes a dispatch without an answer for made, once GitHub lists its run', async () => {
    server.faults.push('silence');
    expect(await outcome()).toBe('unknown');
    expect(await outcome()).toBe('duplicate');
    now += 11 * MINUTE;
    expect(await outcome()).toBe('duplicate');
    expect(server.dispatches).toHaveLength(1);
  });

  it('takes it for not made, once GitHub should list it and does not', async () => {
    server.faults.push('reset');
    expect(await outcome()).toBe('unknown');
    server.runs.length = 0;
    now += 9 * MINUTE;
    expect(await outcome()).toBe('duplicate');
    now += 2 * MINUTE;
    expect(await outcome()).toBe('dispatched');
  });
});
