/** k6 reads this file as it is: nothing of Node in here or in what it imports. */

/** loadtest/thresholds.json. */
export interface Thresholds {
  readonly latency_p95_ms: number;
  readonly latency_p99_ms: number;
  /** Share of requests without an answer 200, below which they must stay. */
  readonly error_rate: number;
  /** From this share on, once `abort_after_seconds` have passed, a run ends early. */
  readonly abort_error_rate: number;
  readonly abort_after_seconds: number;
  readonly wrong_answers: number;
  /** Requests that were due while every connection was busy: beyond them the generator hides how slow the server is. */
  readonly dropped_requests: number;
  /** Below it the percentiles mean nothing, and an empty run would pass. */
  readonly minimum_requests: number;
  readonly comparison: {
    /** The median ratio above which the candidate is slower ... */
    readonly slower_ratio: number;
    /** ... where the whole interval lies above this too. */
    readonly slower_interval_from: number;
  };
}

/** What a run came to. */
export interface Measurements {
  /** Answered or failed. */
  readonly requests: number;
  /** Without an answer 200: other status, no answer, timeout. */
  readonly errors: number;
  /** Answered 200 with another label than the right one. */
  readonly wrongAnswers: number;
  readonly dropped: number;
  /** Of the answers 200 alone, so that a quick error makes nothing look better. NaN where there are none. */
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export type GateName = 'latency p95' | 'latency p99' | 'errors' | 'wrong answers' | 'dropped' | 'requests';

export interface Gate {
  readonly name: GateName;
  readonly unit: 'ms' | 'share' | 'count';
  readonly measured: number;
  readonly rule: '<=' | '<' | '>=';
  readonly limit: number;
  readonly passed: boolean;
}

export function judge(measured: Measurements, thresholds: Thresholds): readonly Gate[] {
  const { requests, errors, wrongAnswers, dropped, p95Ms, p99Ms } = measured;
  return [
    gate('latency p95', 'ms', p95Ms, '<=', thresholds.latency_p95_ms),
    gate('latency p99', 'ms', p99Ms, '<=', thresholds.latency_p99_ms),
    gate('errors', 'share', errorRate(errors, requests), '<', thresholds.error_rate),
    gate('wrong answers', 'count', wrongAnswers, '<=', thresholds.wrong_answers),
    gate('dropped', 'count', dropped, '<=', thresholds.dropped_requests),
    gate('requests', 'count', requests, '>=', thresholds.minimum_requests),
  ];
}

export function passed(gates: readonly Gate[]): boolean {
  return gates.length > 0 && gates.every((each) => each.passed);
}

/** NaN of nothing, which passes no gate. */
export function errorRate(errors: number, requests: number): number {
  return errors / requests;
}

export function mustAbort(
  errors: number,
  requests: number,
  seconds: number,
  thresholds: Thresholds,
): boolean {
  return (
    seconds >= thresholds.abort_after_seconds && errorRate(errors, requests) >= thresholds.abort_error_rate
  );
}

function gate(name: GateName, unit: Gate['unit'], measured: number, rule: Gate['rule'], limit: number): Gate {
  return { name, unit, measured, rule, limit, passed: keeps(measured, rule, limit) };
}

function keeps(measured: number, rule: Gate['rule'], limit: number): boolean {
  switch (rule) {
    case '<=':
      return measured <= limit;
    case '<':
      return measured < limit;
    case '>=':
      return measured >= limit;
  }
}

/** A threshold of k6: as text, or with what happens when it is crossed. */
type K6Threshold =
  | string
  | { readonly threshold: string; readonly abortOnFail: boolean; readonly delayAbortEval: string };

/** Names of the metrics in k6 that the gates are about, for the requests of one scenario. */
export function k6Metrics(scenario: string): Readonly<Record<'duration' | 'failed' | 'requests', string>> {
  return {
    duration: `http_req_duration{scenario:${scenario},expected_response:true}`,
    failed: `http_req_failed{scenario:${scenario}}`,
    requests: `http_reqs{scenario:${scenario}}`,
  };
}

export const WRONG_ANSWERS = 'wrong_answers';
export const DROPPED = 'dropped_iterations';

/** The same gates in k6's words. */
export function k6Thresholds(
  scenario: string,
  thresholds: Thresholds,
): Readonly<Record<string, readonly K6Threshold[]>> {
  const metric = k6Metrics(scenario);
  return {
    [metric.duration]: [`p(95)<=${thresholds.latency_p95_ms}`, `p(99)<=${thresholds.latency_p99_ms}`],
    [metric.failed]: [
      `rate<${thresholds.error_rate}`,
      {
        threshold: `rate<${thresholds.abort_error_rate}`,
        abortOnFail: true,
        delayAbortEval: `${thresholds.abort_after_seconds}s`,
      },
    ],
    [WRONG_ANSWERS]: [`count<=${thresholds.wrong_answers}`],
    [DROPPED]: [`count<=${thresholds.dropped_requests}`],
    [metric.requests]: [`count>=${thresholds.minimum_requests}`],
  };
}
