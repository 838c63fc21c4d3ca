/** k6 reads this file as it is: nothing of Node in here or in what it imports. */
import { k6Thresholds, type Thresholds } from '../gates.ts';
import type { Settings } from '../settings.ts';

/** The options of a k6 script. */
export function k6Options(settings: Settings, thresholds: Thresholds): Readonly<Record<string, unknown>> {
  const { scenario, vus } = settings;
  const common = { exec: 'predict', timeUnit: '1s', preAllocatedVUs: vus, maxVUs: vus };
  return {
    scenarios: { [scenario]: { ...common, ...executor(settings) } },
    thresholds: k6Thresholds(scenario, thresholds),
    summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
    // What the scripts read of an answer is its text.
    discardResponseBodies: false,
  };
}

function executor({ stages, rate, seconds }: Settings): Readonly<Record<string, unknown>> {
  const [first] = stages;
  if (first === undefined || stages.length === 1) {
    return { executor: 'constant-arrival-rate', rate, duration: `${seconds}s` };
  }
  return {
    executor: 'ramping-arrival-rate',
    startRate: Math.round(first.fromRate),
    stages: stages.map((stage) => ({ target: Math.round(stage.toRate), duration: `${stage.seconds}s` })),
  };
}
