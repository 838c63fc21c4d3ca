import { ArrivalPace, ClosedPace } from '../harness/pace.js';
import { fire, type Run, type Target } from '../harness/run.js';
import { type Summary, summarize } from '../report/summary.js';
import type { CompareSettings } from './settings.js';
import type { Round, RoundFigures } from './verdict.js';

export type Side = 'base' | 'candidate';
export type Sides<Value> = Readonly<Record<Side, Value>>;

export interface LoadPoint {
  /** Requests per second that were due. */
  readonly offered: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** Share of those that were due and were not answered. */
  readonly unanswered: number;
}

export interface Comparison {
  readonly rate: number;
  /** Requests per second that each could take before the rounds. */
  readonly capacity: Sides<number>;
  readonly rounds: readonly Round[];
  /** Of the latency measurements, all rounds together. */
  readonly totals: Sides<Summary>;
  readonly curves: Sides<readonly LoadPoint[]>;
}

type Progress = (text: string) => void;
type Plan = Pick<CompareSettings, 'rounds' | 'roundSeconds' | 'timeLimitSeconds' | 'rate' | 'vus'>;
/** Whether what was measured so far settles it. */
type IsDecided = (rounds: readonly Round[], candidate: Summary) => boolean;

const WARM_UP_SECONDS = 3;
/** Enough to keep a few cores busy, and below the point at which servers begin to refuse. */
const CLOSED_CONNECTIONS = 16;
/** Of what the slower one can take. */
const LATENCY_LOAD = 0.5;
const NOTHING: RoundFigures = { p95Ms: Number.NaN, requestsPerSecond: 0 };
const CURVE_LOADS = [0.1, 0.25, 0.5, 0.7, 0.85, 1, 1.15];

/** The first of a round changes, so that what drifts (heat, a neighbour) hits both alike: A B, B A, A B, ... */
export function orderOf(round: number): readonly [Side, Side] {
  return round % 2 === 0 ? ['base', 'candidate'] : ['candidate', 'base'];
}

/**
 * Rounds until they decide it, or until the time is up after the first `plan.rounds`. It looks only when there are half as
 * many more: each look is a chance to be deceived by noise.
 */
export async function untilDecided(
  plan: Pick<Plan, 'rounds' | 'timeLimitSeconds'>,
  measureRound: (index: number, planned: number) => Promise<Round>,
  isDecided: (rounds: readonly Round[]) => boolean,
  now: () => number = () => performance.now(),
): Promise<Round[]> {
  const rounds: Round[] = [];
  const deadline = now() + plan.timeLimitSeconds * 1000;
  for (let look = plan.rounds; ; look = Math.ceil(look * 1.5)) {
    while (rounds.length < look) {
      if (rounds.length >= plan.rounds && now() >= deadline) return rounds;
      rounds.push(await measureRound(rounds.length, look));
    }
    if (isDecided(rounds)) return rounds;
  }
}

export async function measure(
  targets: Sides<Target>,
  plan: Plan,
  isDecided: IsDecided,
  progress: Progress,
): Promise<Comparison> {
  const capacity = await capacities(targets, plan);
  const slower = Math.min(capacity.base, capacity.candidate);
  if (!(slower > 0)) throw new Error('nothing was compared: a server answered nothing while it was warmed');
  const rate = plan.rate ?? Math.max(1, Math.round(slower * LATENCY_LOAD));
  const runs: Sides<Run[]> = { base: [], candidate: [] };
  const total = (side: Side): Summary => summarize(joined(runs[side]));
  const rounds = await untilDecided(
    plan,
    (index, planned) => {
      progress(`round ${index + 1} of ${planned}`);
      return measureRound(targets, rate, plan, orderOf(index), runs);
    },
    (soFar) => isDecided(soFar, total('candidate')),
  );
  const totals = { base: total('base'), candidate: total('candidate') };
  return { rate, capacity, rounds, totals, curves: await measureCurves(targets, slower, plan, progress) };
}

async function measureRound(
  targets: Sides<Target>,
  rate: number,
  { roundSeconds, vus }: Plan,
  order: readonly [Side, Side],
  runs: Sides<Run[]>,
): Promise<Round> {
  const figures: Record<Side, RoundFigures> = { base: NOTHING, candidate: NOTHING };
  for (const side of order) {
    const run = await latencyRun(targets[side], rate, roundSeconds, vus);
    runs[side].push(run);
    const requestsPerSecond = await throughput(targets[side], roundSeconds / 2);
    figures[side] = { p95Ms: summarize(run).p95Ms, requestsPerSecond };
  }
  return figures;
}

async function capacities(targets: Sides<Target>, { roundSeconds }: Plan): Promise<Sides<number>> {
  for (const side of orderOf(0)) await throughput(targets[side], WARM_UP_SECONDS);
  const base = await throughput(targets.base, roundSeconds / 2);
  return { base, candidate: await throughput(targets.candidate, roundSeconds / 2) };
}

async function measureCurves(
  targets: Sides<Target>,
  slower: number,
  { roundSeconds, vus }: Plan,
  progress: Progress,
): Promise<Comparison['curves']> {
  const curves: Sides<LoadPoint[]> = { base: [], candidate: [] };
  for (const [index, share] of CURVE_LOADS.entries()) {
    const rate = Math.max(1, Math.round(slower * share));
    progress(`latency at ${rate} requests/s`);
    const runs: Sides<Run[]> = { base: [], candidate: [] };
    const [first, second] = orderOf(index);
    for (const side of [first, second, second, first]) {
      runs[side].push(await latencyRun(targets[side], rate, roundSeconds / 2, vus));
    }
    for (const side of ['base', 'candidate'] as const) curves[side].push(pointOf(joined(runs[side]), rate));
  }
  return curves;
}

function latencyRun(target: Target, rate: number, seconds: number, vus: number): Promise<Run> {
  return fire(target, new ArrivalPace([{ fromRate: rate, toRate: rate, seconds }]), vus);
}

/** Right answers per second when every connection asks again as soon as it was answered. */
async function throughput(target: Target, seconds: number): Promise<number> {
  const run = await fire(target, new ClosedPace(seconds), CLOSED_CONNECTIONS);
  const right = run.samples.filter(({ failure, wrong }) => failure === undefined && wrong === undefined);
  // By the time of the last answer: a window that cuts through answers would count in steps.
  return right.length / run.seconds;
}

function pointOf(run: Run, offered: number): LoadPoint {
  const { latencyMs, requests, errors } = summarize(run);
  const due = requests + run.dropped;
  return {
    offered,
    p50Ms: latencyMs.p50,
    p95Ms: latencyMs.p95,
    unanswered: (errors + run.dropped) / due,
  };
}

/** Several runs as one. */
export function joined(runs: readonly Run[]): Run {
  return {
    samples: runs.flatMap(({ samples }) => samples),
    dropped: runs.reduce((sum, { dropped }) => sum + dropped, 0),
    seconds: runs.reduce((sum, { seconds }) => sum + seconds, 0),
    aborted: runs.some(({ aborted }) => aborted),
  };
}
