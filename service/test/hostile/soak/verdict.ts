import { quantile } from '../../../bench/statistics.js';
import type { Phase } from './phase.js';

export interface Check {
  readonly promise: string;
  readonly isKept: boolean;
  readonly detail: string;
}

/** Default deadline of a request. */
const DEADLINE_MS = 10_000;
/** What we want of /health; beyond the limit the soak fails. Between them may lie a busy machine. */
const HEALTH_TARGET_MS = 100;
const HEALTH_LIMIT_MS = 1000;
/** Memory a minute after the attacks, as a multiple of its level before them. */
const MEMORY_LIMIT = 1.3;

export interface SoakResult {
  /** The first is before the attacks, the last after them. */
  readonly phases: readonly Phase[];
  /** At SIGTERM; undefined where it did not end in time. */
  readonly exitCode: number | undefined;
}

/** Holds what was seen to what is promised. */
export function judge(result: SoakResult): Check[] {
  const { phases } = result;
  return [
    none('no answer to an honest client is wrong or another client’s', faults(phases, 'wrong')),
    none('no honest request is lost', faults(phases, 'lost')),
    { ...deadlineCheck(phases) },
    { ...healthCheck(phases) },
    none(
      'stays ready',
      phases.flatMap(({ name, unready }) => unready.map((status) => `${name}: ${status}`)),
    ),
    { ...memoryCheck(phases) },
    none('is not killed, and every attack takes place', phases.flatMap(lifeFaults)),
    {
      promise: 'ends with 0 at SIGTERM',
      isKept: result.exitCode === 0,
      detail: `exit code ${result.exitCode ?? 'none in time'}`,
    },
  ];
}

function faults(phases: readonly Phase[], outcome: 'wrong' | 'lost'): string[] {
  return phases.flatMap(({ name, requests }) =>
    requests.filter((request) => request.outcome === outcome).map(({ detail }) => `${name}: ${detail}`),
  );
}

function lifeFaults({ name, faults, memoryKills }: Phase): string[] {
  const killed = memoryKills > 0 ? [`${memoryKills} processes killed for memory so far`] : [];
  return [...faults, ...killed].map((fault) => `${name}: ${fault}`);
}

function deadlineCheck(phases: readonly Phase[]): Check {
  const [worst, ms] = worstOf(phases, (phase) => answerQuantile(phase, 0.99));
  return {
    promise: `honest p99 within ${DEADLINE_MS} ms in every phase`,
    isKept: ms <= DEADLINE_MS,
    detail: `at most ${whole(ms)} ms (${worst})`,
  };
}

function healthCheck(phases: readonly Phase[]): Check {
  const [worst, ms] = worstOf(phases, ({ healthMs }) => quantile(healthMs, 0.99));
  const all = quantile(
    phases.flatMap(({ healthMs }) => healthMs),
    0.99,
  );
  return {
    promise: `/health p99 below ${HEALTH_LIMIT_MS} ms in every phase`,
    isKept: ms < HEALTH_LIMIT_MS,
    detail: `at most ${whole(ms)} ms (${worst}), ${whole(all)} ms over all; the target is ${HEALTH_TARGET_MS} ms`,
  };
}

function memoryCheck(phases: readonly Phase[]): Check {
  const before = phases[0]?.memoryBytes ?? Number.NaN;
  const after = phases.at(-1)?.memoryBytes ?? Number.NaN;
  return {
    promise: `memory comes back within ${MEMORY_LIMIT} times its level`,
    isKept: after <= before * MEMORY_LIMIT,
    detail: `${megabytes(before)} MB before, ${megabytes(after)} MB after: ${(after / before).toFixed(2)} times`,
  };
}

/** The phase in which a figure is worst, and the figure; a phase without figures is worst of all. */
function worstOf(phases: readonly Phase[], figure: (phase: Phase) => number): readonly [string, number] {
  const figures = phases.map((phase) => {
    const value = figure(phase);
    return [phase.name, Number.isNaN(value) ? Infinity : value] as const;
  });
  return figures.reduce((worst, each) => (each[1] > worst[1] ? each : worst), ['', 0] as const);
}

/** Of the attempts that were answered. */
export function answerQuantile({ requests }: Phase, share: number): number {
  return quantile(
    requests.filter(({ outcome }) => outcome === 'ok').map(({ answerMs }) => answerMs),
    share,
  );
}

function none(promise: string, faults: readonly string[]): Check {
  return { promise, isKept: faults.length === 0, detail: summary(faults) };
}

/** The same faults once, with how often. */
function summary(faults: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const fault of faults) counts.set(fault, (counts.get(fault) ?? 0) + 1);
  const lines = [...counts].sort(([, a], [, b]) => b - a).map(([fault, count]) => `${count} x ${fault}`);
  const more = lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} more kinds`] : [];
  return faults.length === 0 ? 'none' : [...lines.slice(0, MOST_LINES), ...more].join('\n      ');
}

const MOST_LINES = 12;

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}

export function whole(ms: number): string {
  return Number.isFinite(ms) ? ms.toFixed(0) : 'no answer';
}
