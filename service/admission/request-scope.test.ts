import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Admission } from './admission.js';
import { RequestScope } from './request-scope.js';

const PACE = { bytesPerSecond: 100, graceMs: 2000 };
const admissionOf = (maxBytes: number): Admission =>
  new Admission({ maxImages: 1, maxExpectedWaitMs: 1000, maxBytes }, () => 0);
const scopeIn = (admission: Admission, budgetMs = 60_000): RequestScope =>
  new RequestScope({ traffic: 'single', budgetMs, body: admission.openBody('single'), pace: PACE });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('aborts with DEADLINE_EXCEEDED when its time is up, and not after its end', async () => {
  const [late, ended] = [scopeIn(admissionOf(10), 1000), scopeIn(admissionOf(10), 1000)];
  ended.end(false);
  await vi.advanceTimersByTimeAsync(1000);
  expect(late.signal.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  expect(ended.signal.aborted).toBe(false);
});

it('aborts with CLIENT_CLOSED_REQUEST when the client has left before its answer', () => {
  const scope = scopeIn(admissionOf(10));
  scope.end(true);
  expect(scope.signal.reason).toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
});

it('aborts with REQUEST_TIMEOUT when the body falls behind its pace', async () => {
  const scope = scopeIn(admissionOf(1000));
  for (let second = 0; second < 2; second++) {
    scope.received(1);
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(scope.signal.aborted).toBe(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(scope.signal.reason).toMatchObject({ code: 'REQUEST_TIMEOUT' });
});

it('bears with a body that pauses when it was ahead, and with a late answer when the body is there', async () => {
  const [ahead, complete] = [scopeIn(admissionOf(1000)), scopeIn(admissionOf(1000))];
  ahead.received(500);
  complete.bodyArrived();
  await vi.advanceTimersByTimeAsync(6900);
  expect([ahead.signal.aborted, complete.signal.aborted]).toEqual([false, false]);
  await vi.advanceTimersByTimeAsync(200);
  expect([ahead.signal.aborted, complete.signal.aborted]).toEqual([true, false]);
});

it('gives back what its body took, once, when that is not needed any more or the request is over', () => {
  const admission = admissionOf(10);
  const [first, second] = [scopeIn(admission), scopeIn(admission)];
  first.received(10);
  expect(() => second.received(1)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  first.releaseBody();
  first.end(false);
  second.received(10);
  expect(() => scopeIn(admission).received(1)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
});
