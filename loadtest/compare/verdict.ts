import { median } from '../../service/bench/statistics.js';
import { type Gate, judge, type Measurements, type Thresholds } from '../gates.js';
import { type Interval, medianInterval } from './bootstrap.js';

/** What one round measured of one server. */
export interface RoundFigures {
  readonly p95Ms: number;
  readonly requestsPerSecond: number;
}

export interface Round {
  readonly base: RoundFigures;
  readonly candidate: RoundFigures;
}

export interface Difference {
  readonly name: 'latency p95' | 'requests/s';
  readonly unit: 'ms' | '/s';
  /** Medians of the rounds. */
  readonly base: number;
  readonly candidate: number;
  /** Median of the rounds' ratios, turned so that above 1 the candidate is the slower one. */
  readonly slowdown: number;
  readonly interval: Interval;
  readonly call: Call;
}

/** `equal`: surely not slower by more than is tolerated. `undecided`: the rounds do not show which it is. */
export type Call = 'slower' | 'undecided' | 'equal' | 'faster';

export interface Verdict {
  readonly outcome: 'pass' | 'inconclusive' | 'fail';
  readonly reasons: readonly string[];
  readonly differences: readonly Difference[];
  /** Of the candidate, all rounds together. */
  readonly gates: readonly Gate[];
}

/**
 * @param measured of the candidate, all rounds together
 * Throws where nothing was compared.
 */
export function judgeRounds(
  rounds: readonly Round[],
  measured: Measurements,
  thresholds: Thresholds,
): Verdict {
  expectFigures(rounds);
  const differences = [
    difference('latency p95', 'ms', rounds, ({ p95Ms }) => p95Ms, thresholds),
    // Turned: fewer requests are slower.
    difference('requests/s', '/s', rounds, ({ requestsPerSecond }) => requestsPerSecond, thresholds),
  ];
  const gates = judge(measured, thresholds);
  const broken = gates.filter((gate) => !gate.passed).map((gate) => `gate crossed: ${gate.name}`);
  const called = (call: Call): string[] =>
    differences.filter((each) => each.call === call).map(({ name }) => `${call}: ${name}`);
  const slower = called('slower');
  const undecided = called('undecided');
  const reasons = [...broken, ...slower, ...undecided];
  const outcome = broken.length + slower.length > 0 ? 'fail' : undecided.length > 0 ? 'inconclusive' : 'pass';
  return { outcome, reasons, differences, gates };
}

function expectFigures(rounds: readonly Round[]): void {
  const figures = rounds.flatMap(({ base, candidate }) => [
    base.p95Ms,
    base.requestsPerSecond,
    candidate.p95Ms,
    candidate.requestsPerSecond,
  ]);
  if (figures.length === 0 || !figures.every((figure) => Number.isFinite(figure) && figure > 0)) {
    throw new Error('nothing was compared: a server answered no request of a round');
  }
}

function difference(
  name: Difference['name'],
  unit: Difference['unit'],
  rounds: readonly Round[],
  figure: (figures: RoundFigures) => number,
  thresholds: Thresholds,
): Difference {
  const slowdowns = rounds.map(({ base, candidate }) =>
    unit === 'ms' ? figure(candidate) / figure(base) : figure(base) / figure(candidate),
  );
  const slowdown = median(slowdowns);
  const interval = medianInterval(slowdowns);
  return {
    name,
    unit,
    base: median(rounds.map(({ base }) => figure(base))),
    candidate: median(rounds.map(({ candidate }) => figure(candidate))),
    slowdown,
    interval,
    call: callOf(slowdown, interval, thresholds),
  };
}

/** Slower, or surely not slower, only beyond the noise: by where the interval ends, not by the median alone. */
export function callOf(
  slowdown: number,
  interval: Interval,
  { comparison }: Pick<Thresholds, 'comparison'>,
): Call {
  const { slower_ratio: ratio, slower_interval_from: margin } = comparison;
  if (slowdown > ratio && interval.from > margin) return 'slower';
  if (interval.to > ratio) return 'undecided';
  if (slowdown < 1 / ratio && interval.to < 1 / margin) return 'faster';
  return 'equal';
}
