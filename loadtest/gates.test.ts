import { describe, expect, it } from 'vitest';
import { type GateName, judge, k6Thresholds, type Measurements, mustAbort, passed } from './gates.js';
import { readThresholds } from './thresholds.js';

const thresholds = readThresholds();
/** Exactly at every border that may be reached, and one request inside the one that may not. */
const JUST_GOOD: Measurements = {
  requests: 1000,
  errors: 9,
  wrongAnswers: 0,
  dropped: 0,
  p95Ms: 500,
  p99Ms: 1000,
};

function crossed(change: Partial<Measurements>): readonly GateName[] {
  return judge({ ...JUST_GOOD, ...change }, thresholds)
    .filter((gate) => !gate.passed)
    .map(({ name }) => name);
}

describe('gates', () => {
  it('are those of the service level objectives', () => {
    expect(thresholds).toMatchObject({ latency_p95_ms: 500, error_rate: 0.01, abort_error_rate: 0.1 });
  });

  it('let pass what is exactly at the border', () => {
    expect(crossed({})).toEqual([]);
    expect(passed(judge(JUST_GOOD, thresholds))).toBe(true);
    expect(crossed({ requests: 100, errors: 0 })).toEqual([]);
  });

  it.each<[string, Partial<Measurements>, GateName]>([
    ['a 95th percentile above 500 ms', { p95Ms: 500.001 }, 'latency p95'],
    ['a 99th percentile above 1000 ms', { p99Ms: 1000.001 }, 'latency p99'],
    ['errors of 1 %', { errors: 10 }, 'errors'],
    ['one wrong answer', { wrongAnswers: 1 }, 'wrong answers'],
    ['one dropped request', { dropped: 1 }, 'dropped'],
    ['too few requests', { requests: 99, errors: 0 }, 'requests'],
    ['no latency at all', { p95Ms: Number.NaN }, 'latency p95'],
  ])('are crossed by %s', (_, change, name) => {
    expect(crossed(change)).toEqual([name]);
    expect(passed(judge({ ...JUST_GOOD, ...change }, thresholds))).toBe(false);
  });

  it('are crossed by an empty run', () => {
    const nothing = {
      requests: 0,
      errors: 0,
      wrongAnswers: 0,
      dropped: 0,
      p95Ms: Number.NaN,
      p99Ms: Number.NaN,
    };
    expect(crossed(nothing)).toEqual(['latency p95', 'latency p99', 'errors', 'requests']);
  });

  it('are not kept where there are none', () => {
    expect(passed([])).toBe(false);
  });
});

describe('a run', () => {
  it.each([
    [100, 1000, 10, true],
    [99, 1000, 10, false],
    [100, 1000, 9.99, false],
    [0, 0, 60, false],
  ])('with %d errors of %d requests after %d s ends early: %s', (errors, requests, seconds, expected) => {
    expect(mustAbort(errors, requests, seconds, thresholds)).toBe(expected);
  });
});

describe('the thresholds of k6', () => {
  it('are the same gates', () => {
    expect(k6Thresholds('steady', thresholds)).toEqual({
      'http_req_duration{scenario:steady,expected_response:true}': ['p(95)<=500', 'p(99)<=1000'],
      'http_req_failed{scenario:steady}': [
        'rate<0.01',
        { threshold: 'rate<0.1', abortOnFail: true, delayAbortEval: '10s' },
      ],
      wrong_answers: ['count<=0'],
      dropped_iterations: ['count<=0'],
      'http_reqs{scenario:steady}': ['count>=100'],
    });
  });
});
