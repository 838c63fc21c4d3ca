import { describe, expect, it } from 'vitest';
import { ServiceError } from '../errors.js';
import { backoffMs, type RetryPolicy, realTiming, withRetries } from './retry.js';
import { type FailureKind, SourceFailure } from './sources/source-failure.js';

function policyOf(attempts: number, signal = new AbortController().signal) {
  const delaysMs: number[] = [];
  const policy: RetryPolicy = {
    attempts,
    signal,
    timing: { nowMs: () => 0, random: () => 0, sleep: async (ms) => void delaysMs.push(ms) },
    onRetry: () => {},
  };
  return { policy, delaysMs };
}

function failing(...failures: unknown[]) {
  const calls = { count: 0 };
  const run = async () => {
    calls.count += 1;
    if (failures.length > 0) throw failures.shift();
    return 'done';
  };
  return { calls, run };
}

const transient = (retryAfterSeconds?: number) =>
  new SourceFailure('transient', 'passing', { retryAfterSeconds });

describe('withRetries', () => {
  it('repeats transient failures until it works', async () => {
    const { policy, delaysMs } = policyOf(3);
    const { run } = failing(transient(), transient());
    expect(await withRetries(run, policy)).toBe('done');
    expect(delaysMs).toEqual([250, 500]);
  });

  it('rejects with the last failure after the last attempt, and does not wait after it', async () => {
    const { policy, delaysMs } = policyOf(2);
    const last = transient();
    const { run, calls } = failing(transient(), last);
    await expect(withRetries(run, policy)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      kind: 'transient',
      cause: last,
    });
    expect(calls.count).toBe(2);
    expect(delaysMs).toHaveLength(1);
  });

  it('does not count attempts that got on, nor what came before them', async () => {
    const { policy, delaysMs } = policyOf(2);
    const progress = [false, true, true, false, false];
    const { run, calls } = failing(...progress.map(() => transient()));
    const hasProgressed = () => progress.shift() === true;
    await expect(withRetries(run, { ...policy, hasProgressed })).rejects.toMatchObject({ kind: 'transient' });
    expect(calls.count).toBe(5);
    expect(delaysMs).toEqual([250, 250, 250, 250]);
  });

  it.each<FailureKind>(['missing', 'denied', 'permanent'])('does not repeat what is %s', async (kind) => {
    const failure = new SourceFailure(kind, 'lasting');
    const { run, calls } = failing(failure);
    await expect(withRetries(run, policyOf(5).policy)).rejects.toBe(failure);
    expect(calls.count).toBe(1);
  });

  it('does not repeat what is no failure of a source', async () => {
    const failure = new ServiceError('MODEL_UNAVAILABLE', 'disk full');
    const { run, calls } = failing(failure);
    await expect(withRetries(run, policyOf(5).policy)).rejects.toBe(failure);
    expect(calls.count).toBe(1);
  });

  it('waits as long as the far side asks', async () => {
    const { policy, delaysMs } = policyOf(2);
    await withRetries(failing(transient(7)).run, policy);
    expect(delaysMs).toEqual([7_000]);
  });

  it("rejects with the signal's reason when it aborts during a wait", async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { policy } = policyOf(5, controller.signal);
    const waiting = {
      ...policy,
      timing: realTiming,
      onRetry: () => queueMicrotask(() => controller.abort(reason)),
    };
    const { run, calls } = failing(transient(60), transient());
    await expect(withRetries(run, waiting)).rejects.toBe(reason);
    expect(calls.count).toBe(1);
  });
});

describe('backoffMs', () => {
  it('doubles up to 20 s', () => {
    const delays = [1, 2, 3, 6, 7, 100].map((attempt) => backoffMs(attempt, 1));
    expect(delays).toEqual([500, 1_000, 2_000, 16_000, 20_000, 20_000]);
  });

  it('spreads over the upper half', () => {
    expect(backoffMs(3, 0)).toBe(1_000);
    expect(backoffMs(3, 0.5)).toBe(1_500);
  });

  it('waits no longer than a minute, whatever the far side asks', () => {
    expect(backoffMs(1, 0, 86_400)).toBe(60_000);
  });
});
