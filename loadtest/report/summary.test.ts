import { describe, expect, it } from 'vitest';
import type { Sample } from '../harness/ledger.js';
import { summarize } from './summary.js';

function sample(latencyMs: number, more: Partial<Sample> = {}): Sample {
  return { atMs: latencyMs * 10, lateMs: 0, latencyMs, ...more };
}

const answers = Array.from({ length: 100 }, (_, index) => sample(index + 1));
const run = { dropped: 0, seconds: 2, aborted: false };

describe('a summary', () => {
  it('takes percentiles out of the single answers', () => {
    const { latencyMs, p95Ms, p99Ms } = summarize({ ...run, samples: answers });
    expect(latencyMs).toEqual({ mean: 50.5, p50: 50.5, p95: 95, p99: 99, max: 100 });
    expect([p95Ms, p99Ms]).toEqual([95, 99]);
  });

  it('keeps errors out of the latency: quick ones make nothing look better', () => {
    const errors = Array.from({ length: 900 }, () => sample(0.1, { failure: '500 INTERNAL' }));
    const summary = summarize({ ...run, samples: [...answers, ...errors] });
    expect(summary).toMatchObject({ requests: 1000, errors: 900, p95Ms: 95, answersPerSecond: 50 });
    expect(summary.failures).toEqual({ '500 INTERNAL': 900 });
  });

  it('counts wrong answers, and shows the first', () => {
    const wrong = { image: 'a.png', expected: '1', answered: '2' };
    const samples = [...answers, ...Array.from({ length: 7 }, () => sample(1, { wrong }))];
    const summary = summarize({ ...run, samples });
    expect(summary.wrongAnswers).toBe(7);
    expect(summary.errors).toBe(0);
    expect(summary.wrong).toEqual(Array.from({ length: 5 }, () => wrong));
  });

  it('says where the time went, what the service does not name included', () => {
    const samples = [sample(10, { stages: { decode: 3, inference: 5 } })];
    const { stagesMs } = summarize({ ...run, samples });
    expect(Object.entries(stagesMs).map(([name, { mean }]) => [name, mean])).toEqual([
      ['decode', 3],
      ['inference', 5],
      ['transport', 2],
    ]);
    expect(summarize({ ...run, samples: answers }).stagesMs).toEqual({});
  });

  it('cuts the run into slices of a second or more', () => {
    const { timeline } = summarize({ ...run, samples: answers });
    expect(timeline).toEqual([
      { atSeconds: 0.5, requestsPerSecond: 99, p50Ms: 50, p95Ms: 95 },
      { atSeconds: 1.5, requestsPerSecond: 1, p50Ms: 100, p95Ms: 100 },
    ]);
    expect(summarize({ ...run, seconds: 600, samples: answers }).timeline).toHaveLength(1);
  });

  it('of nothing has no percentiles', () => {
    const summary = summarize({ ...run, samples: [] });
    expect(summary).toMatchObject({ requests: 0, errors: 0, timeline: [], p95Ms: Number.NaN });
  });
});
