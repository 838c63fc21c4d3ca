/** k6 reads this file as it is: nothing of Node in here or in what it imports. */

/** A stretch of a run in which the arrival rate goes in a straight line from one value to the next. */
export interface Stage {
  /** Requests per second. */
  readonly fromRate: number;
  readonly toRate: number;
  readonly seconds: number;
}

/** A stretch in shares: of the highest rate, and of the duration. */
interface Leg {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

export interface Scenario {
  readonly purpose: string;
  /** The highest arrival rate, requests per second. */
  readonly rate: number;
  readonly seconds: number;
  /** Connections (virtual users) that carry the requests. */
  readonly vus: number;
  readonly legs: readonly Leg[];
}

const CONSTANT: readonly Leg[] = [{ from: 1, to: 1, share: 1 }];

const SPIKE: readonly Leg[] = [
  { from: 0.2, to: 0.2, share: 0.3 },
  { from: 0.2, to: 1, share: 0.05 },
  { from: 1, to: 1, share: 0.3 },
  { from: 1, to: 0.2, share: 0.05 },
  { from: 0.2, to: 0.2, share: 0.3 },
];

export const SCENARIO_NAMES = ['smoke', 'steady', 'spike', 'soak'] as const;
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

export const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  smoke: {
    purpose: 'Does it answer, and rightly?',
    rate: 10,
    seconds: 15,
    vus: 10,
    legs: CONSTANT,
  },
  steady: {
    purpose: 'Does it keep its promises under the load of a working day?',
    rate: 30,
    seconds: 60,
    vus: 50,
    legs: CONSTANT,
  },
  spike: {
    purpose: 'Does it bear five times the load within seconds, and recover?',
    rate: 60,
    seconds: 60,
    vus: 100,
    legs: SPIKE,
  },
  soak: {
    purpose: 'Does it answer after half an hour as it did in the first minute?',
    rate: 20,
    seconds: 1800,
    vus: 50,
    legs: CONSTANT,
  },
};

export function stagesOf(legs: readonly Leg[], rate: number, seconds: number): readonly Stage[] {
  return legs.map(({ from, to, share }) => ({
    fromRate: from * rate,
    toRate: to * rate,
    seconds: share * seconds,
  }));
}
