import { describe, expect, it } from 'vitest';
import { Sampling } from './sampling.js';

const NEVER = () => 0.999;
const options = { share: 0.25, uncertainBelow: 0.6, uncertainPerMinute: 2 };

describe('an image', () => {
  it('is kept by chance, however sure its answer is', () => {
    const drawn = [0.1, 0.24, 0.25, 0.9];
    const sampling = new Sampling(options, () => drawn.shift() ?? 1);
    expect([1, 2, 3, 4].map(() => sampling.reasonFor([1], 0))).toEqual([
      'sampled',
      'sampled',
      undefined,
      undefined,
    ]);
  });

  it('is kept where its best score is low, and not where there is none', () => {
    const sampling = new Sampling(options, NEVER);
    expect(sampling.reasonFor([0.3, 0.59], 0)).toBe('uncertain');
    expect(sampling.reasonFor([0.3, 0.6], 0)).toBeUndefined();
    expect(sampling.reasonFor([], 0)).toBeUndefined();
  });

  it('is kept for that so often a minute, which chance does not use up', () => {
    let drawn = 0;
    const sampling = new Sampling(options, () => drawn);
    for (let times = 0; times < 9; times += 1) expect(sampling.reasonFor([0.1], 0)).toBe('sampled');
    drawn = 1;
    const reasons = (nowMs: number) => [1, 2, 3].map(() => sampling.reasonFor([0.1], nowMs));
    expect(reasons(0)).toEqual(['uncertain', 'uncertain', undefined]);
    expect(reasons(30_000)).toEqual(['uncertain', undefined, undefined]);
    expect(reasons(3_600_000)).toEqual(['uncertain', 'uncertain', undefined]);
    // A clock that is put back gives nothing away, and takes nothing.
    expect(reasons(0)).toEqual([undefined, undefined, undefined]);
  });

  it('is never kept for it where the budget is none', () => {
    expect(new Sampling({ ...options, uncertainPerMinute: 0 }, NEVER).reasonFor([0], 0)).toBeUndefined();
  });
});
