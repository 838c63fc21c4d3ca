import { median, quantile } from '../../service/bench/statistics.js';
import type { Measurements } from '../gates.js';
import type { Sample, WrongAnswer } from '../harness/ledger.js';
import type { Run } from '../harness/run.js';
import { STAGES, type Stage } from '../server-timing.js';

/** Milliseconds. */
export interface Distribution {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** A stretch of the run, for the chart. */
export interface Slice {
  readonly atSeconds: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

export interface Summary extends Measurements {
  readonly answersPerSecond: number;
  readonly latencyMs: Distribution;
  /** What the service says of itself, and `transport`: the rest, which is HTTP, network and waiting to be read. */
  readonly stagesMs: Partial<Record<Stage | 'transport', Distribution>>;
  /** The generator's own delay: part of the latencies. */
  readonly lateMs: Distribution;
  readonly failures: Readonly<Record<string, number>>;
  /** The first few. */
  readonly wrong: readonly WrongAnswer[];
  readonly timeline: readonly Slice[];
}

const WRONG_SHOWN = 5;
const SLICES = 30;

export function summarize({ samples, dropped, seconds }: Run): Summary {
  const answers = samples.filter(({ failure }) => failure === undefined);
  const latencyMs = distribution(answers.map((sample) => sample.latencyMs));
  const wrong = samples.flatMap((sample) => sample.wrong ?? []);
  return {
    requests: samples.length,
    errors: samples.length - answers.length,
    wrongAnswers: wrong.length,
    dropped,
    p95Ms: latencyMs.p95,
    p99Ms: latencyMs.p99,
    answersPerSecond: answers.length / seconds,
    latencyMs,
    stagesMs: stagesOf(answers),
    lateMs: distribution(samples.map(({ lateMs }) => lateMs)),
    failures: countFailures(samples),
    wrong: wrong.slice(0, WRONG_SHOWN),
    timeline: timelineOf(answers, seconds),
  };
}

export function distribution(values: readonly number[]): Distribution {
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    p50: median(values),
    p95: quantile(values, 0.95),
    p99: quantile(values, 0.99),
    max: quantile(values, 1),
  };
}

function stagesOf(answers: readonly Sample[]): Summary['stagesMs'] {
  const stages: Partial<Record<Stage | 'transport', Distribution>> = {};
  for (const stage of STAGES) {
    const values = answers.flatMap((answer) => answer.stages?.[stage] ?? []);
    if (values.length > 0) stages[stage] = distribution(values);
  }
  const timed = answers.filter((answer) => answer.stages !== undefined && sum(answer.stages) > 0);
  if (timed.length > 0) {
    stages.transport = distribution(
      timed.map((answer) => Math.max(0, answer.latencyMs - sum(answer.stages ?? {}))),
    );
  }
  return stages;
}

function sum(stages: Partial<Record<Stage, number>>): number {
  return Object.values(stages).reduce((total, ms) => total + ms, 0);
}

function countFailures(samples: readonly Sample[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { failure } of samples) if (failure !== undefined) counts[failure] = (counts[failure] ?? 0) + 1;
  return counts;
}

function timelineOf(answers: readonly Sample[], seconds: number): Slice[] {
  const width = Math.max(1, seconds / SLICES);
  const slices = new Map<number, number[]>();
  for (const { atMs, latencyMs } of answers) {
    const index = Math.floor(atMs / 1000 / width);
    const slice = slices.get(index);
    if (slice === undefined) slices.set(index, [latencyMs]);
    else slice.push(latencyMs);
  }
  return [...slices.entries()]
    .sort(([a], [b]) => a - b)
    .map(([index, latencies]) => ({
      atSeconds: (index + 0.5) * width,
      requestsPerSecond: latencies.length / Math.min(width, Math.max(seconds - index * width, 1e-3)),
      p50Ms: median(latencies),
      p95Ms: quantile(latencies, 0.95),
    }));
}
