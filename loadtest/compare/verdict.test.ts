import { describe, expect, it } from 'vitest';
import type { Measurements } from '../gates.js';
import { readThresholds } from '../thresholds.js';
import { medianInterval } from './bootstrap.js';
import { joined, orderOf, untilDecided } from './rounds.js';
import { callOf, judgeRounds, type Round, type Verdict } from './verdict.js';

const thresholds = readThresholds();
const KEPT: Measurements = { requests: 800, errors: 0, wrongAnswers: 0, dropped: 0, p95Ms: 20, p99Ms: 30 };

/** Rounds in which the candidate's latency is the base's times each of these. */
function rounds(latencyRatios: readonly number[], throughputRatio = 1): Round[] {
  return latencyRatios.map((ratio, index) => {
    const p95Ms = 20 + index;
    return {
      base: { p95Ms, requestsPerSecond: 400 },
      candidate: { p95Ms: p95Ms * ratio, requestsPerSecond: 400 * throughputRatio },
    };
  });
}

function judge(
  ratios: readonly number[],
  throughputRatio?: number,
  change: Partial<Measurements> = {},
): Verdict {
  return judgeRounds(rounds(ratios, throughputRatio), { ...KEPT, ...change }, thresholds);
}

const callsOf = ({ differences }: Verdict): string[] => differences.map(({ call }) => call);

describe('the verdict', () => {
  it('passes a server that is as fast', () => {
    const verdict = judge([0.97, 1.02, 1, 0.99, 1.03, 1]);
    expect(verdict).toMatchObject({ outcome: 'pass', reasons: [] });
    expect(callsOf(verdict)).toEqual(['equal', 'equal']);
  });

  it('fails one that is a fifth slower', () => {
    const verdict = judge([1.18, 1.22, 1.2, 1.19, 1.21, 1.2]);
    expect(verdict).toMatchObject({ outcome: 'fail', reasons: ['slower: latency p95'] });
    expect(verdict.differences[0]?.slowdown).toBeCloseTo(1.2);
  });

  it.each<[string, number[]]>([
    ['contradict each other', [0.8, 1.6, 0.9, 1.5, 1.3, 1.1]],
    ['say that it is twice as slow, and that it is not', [0.2, 2, 3.5, 2, 0.3, 2.2]],
    ['are as fast in the middle, and may be anything', [0.4, 1, 2.5, 1, 0.3, 3]],
  ])('is inconclusive where the rounds %s', (_, ratios) => {
    const verdict = judge(ratios);
    expect(verdict).toMatchObject({ outcome: 'inconclusive', reasons: ['undecided: latency p95'] });
  });

  it('fails one that is slower in one thing, whatever is undecided in another', () => {
    expect(judge([0.8, 1.6, 0.9, 1.5, 1.3, 1.1], 0.8).outcome).toBe('fail');
  });

  it('fails one that takes a fifth fewer requests', () => {
    const verdict = judge([1, 1, 1, 1, 1, 1], 0.8);
    expect(verdict).toMatchObject({ outcome: 'fail', reasons: ['slower: requests/s'] });
    expect(verdict.differences[1]?.slowdown).toBeCloseTo(1.25);
  });

  it('says that one is faster', () => {
    expect(callsOf(judge([0.7, 0.71, 0.69, 0.7, 0.7, 0.7], 1.4))).toEqual(['faster', 'faster']);
  });

  it('fails one that crosses a gate, however the other did', () => {
    const verdict = judge([1, 1, 1], 1, { wrongAnswers: 1 });
    expect(verdict).toMatchObject({ outcome: 'fail', reasons: ['gate crossed: wrong answers'] });
  });

  it.each<[string, readonly Round[]]>([
    ['there are no rounds', []],
    ['a round has no latency', rounds([1, Number.NaN])],
    ['a round has no answers', rounds([1], 0)],
  ])('is refused where %s', (_, given) => {
    expect(() => judgeRounds(given, KEPT, thresholds)).toThrow(/nothing was compared/);
  });
});

describe('a slowdown', () => {
  it.each([
    [1.151, 1.051, 1.3, 'slower'],
    [1.15, 1.051, 1.3, 'undecided'],
    [1.151, 1.05, 1.3, 'undecided'],
    [1, 0.9, 1.151, 'undecided'],
    [1.1, 1.06, 1.15, 'equal'],
    [1, 0.9, 1.15, 'equal'],
  ])('of %d with an interval from %d to %d is called %s', (slowdown, from, to, call) => {
    expect(callOf(slowdown, { from, to }, thresholds)).toBe(call);
  });

  it.each([
    [0.86, 0.95, 'faster'],
    [0.86, 0.96, 'equal'],
    [0.88, 0.9, 'equal'],
  ])('of %d with an interval to %d is called %s', (slowdown, to, call) => {
    expect(callOf(slowdown, { from: 0.5, to }, thresholds)).toBe(call);
  });
});

describe('the interval of a median', () => {
  it('is the same for the same values', () => {
    const values = [1, 1.3, 0.9, 1.1, 1.2, 1];
    expect(medianInterval(values)).toEqual(medianInterval(values));
  });

  it('holds the median, within the values', () => {
    const { from, to } = medianInterval([0.9, 1, 1.1, 1.2, 1.3]);
    expect(from).toBeGreaterThanOrEqual(0.9);
    expect(from).toBeLessThan(1.1);
    expect(to).toBeGreaterThan(1.1);
    expect(to).toBeLessThanOrEqual(1.3);
  });

  it('narrows as values agree', () => {
    expect(medianInterval([1, 1, 1])).toEqual({ from: 1, to: 1 });
  });
});

describe('rounds', () => {
  it('begin with the one and the other in turn', () => {
    expect([0, 1, 2, 3].map((round) => orderOf(round)[0])).toEqual([
      'base',
      'candidate',
      'base',
      'candidate',
    ]);
  });

  const round: Round = {
    base: { p95Ms: 1, requestsPerSecond: 1 },
    candidate: { p95Ms: 1, requestsPerSecond: 1 },
  };
  /** A minute each. */
  async function count(isDecided: (rounds: number) => boolean, timeLimitSeconds: number): Promise<number> {
    let minutes = 0;
    const measured = await untilDecided(
      { rounds: 8, timeLimitSeconds },
      async () => {
        minutes += 1;
        return round;
      },
      ({ length }) => isDecided(length),
      () => minutes * 60_000,
    );
    return measured.length;
  }

  it.each<[string, (rounds: number) => boolean, number, number]>([
    ['the first, where they decide it', () => true, 600, 8],
    ['half as many more at a time, until they do', (rounds) => rounds > 12, 1e6, 18],
    ['no more once the time is up', () => false, 600, 10],
    ['the first, however long they take', () => false, 60, 8],
  ])('are %s', async (_, isDecided, timeLimitSeconds, expected) => {
    expect(await count(isDecided, timeLimitSeconds)).toBe(expected);
  });

  it('add up', () => {
    const run = { samples: [{ atMs: 0, lateMs: 0, latencyMs: 1 }], dropped: 1, seconds: 2, aborted: false };
    const sum = joined([run, run]);
    expect(sum).toMatchObject({ dropped: 2, seconds: 4, aborted: false });
    expect(sum.samples).toHaveLength(2);
  });
});
