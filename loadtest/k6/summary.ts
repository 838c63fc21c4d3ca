/** k6 reads this file as it is: nothing of Node in here or in what it imports. */
import { DROPPED, k6Metrics, type Measurements, WRONG_ANSWERS } from '../gates.ts';

/** The part of k6's summary that is read here: what handleSummary is given. */
export interface K6Summary {
  readonly metrics: Readonly<Record<string, { readonly values: Readonly<Record<string, number>> }>>;
}

/** What the gates judge, out of k6's summary. */
export function measurementsOf({ metrics }: K6Summary, scenario: string): Measurements {
  const name = k6Metrics(scenario);
  const value = (metric: string, statistic: string): number | undefined => metrics[metric]?.values[statistic];
  return {
    requests: value(name.requests, 'count') ?? 0,
    // Of a rate that counts failures, `passes` are the failures.
    errors: value(name.failed, 'passes') ?? 0,
    wrongAnswers: value(WRONG_ANSWERS, 'count') ?? 0,
    dropped: value(DROPPED, 'count') ?? 0,
    p95Ms: value(name.duration, 'p(95)') ?? Number.NaN,
    p99Ms: value(name.duration, 'p(99)') ?? Number.NaN,
  };
}
