import { describe, expect, it } from 'vitest';
import { imagesFor, lossOf } from './loss.js';
import type { Score } from './score.js';

/** So many images of each kind of pair: right by both, by the original alone, by the candidate alone, by neither. */
function pairs(both: number, original: number, candidate: number, neither: number): [Score[], Score[]] {
  const repeat = (times: number, gained: number): Score[] =>
    Array.from({ length: times }, () => ({ gained, possible: 1 }));
  return [
    [...repeat(both + original, 1), ...repeat(candidate + neither, 0)],
    [...repeat(both, 1), ...repeat(original, 0), ...repeat(candidate, 1), ...repeat(neither, 0)],
  ];
}

describe('lossOf', () => {
  /** By another program, on counts. */
  it.each([
    { of: [36, 12, 2, 0], difference: 20, from: 5.69, to: 34.04 },
    { of: [36, 14, 0, 0], difference: 28, from: 15.28, to: 41.67 },
    { of: [54, 0, 0, 0], difference: 0, from: -6.64, to: 6.64 },
    { of: [900, 8, 5, 87], difference: 0.3, from: -0.49, to: 1.1 },
  ] as const)('gives the interval of Newcombe for $of', ({ of, difference, from, to }) => {
    const [both, original, candidate, neither] = of;
    const loss = lossOf(...pairs(both, original, candidate, neither));
    expect(loss.method).toBe('Newcombe');
    expect(loss.points).toBeCloseTo(difference, 1);
    expect(loss.from).toBeCloseTo(from, 2);
    expect(loss.to).toBeCloseTo(to, 2);
  });

  it('shows little where nothing differs and there are few images', () => {
    const { points, to } = lossOf(...pairs(10, 0, 0, 0));
    expect(points).toBe(0);
    expect(to).toBeGreaterThan(25);
  });

  it('takes images anew where parts of them are won, and finds the same each time', () => {
    const original = Array.from({ length: 200 }, () => ({ gained: 8, possible: 8 }));
    const candidate = original.map((_, index) => ({ gained: index % 10 === 0 ? 6 : 8, possible: 8 }));
    const loss = lossOf(original, candidate);
    expect(loss.method).toBe('bootstrap');
    expect(loss.points).toBeCloseTo(2.5, 6);
    expect(loss.from).toBeGreaterThan(1);
    expect(loss.to).toBeLessThan(4.5);
    expect(lossOf(original, candidate)).toEqual(loss);
  });

  it('does not trust the bootstrap where no image differs, or few are there', () => {
    const same = Array.from({ length: 100 }, () => ({ gained: 4, possible: 6 }));
    expect(lossOf(same, same)).toMatchObject({ points: 0, method: 'Newcombe' });
    expect(lossOf(same, same).to).toBeGreaterThan(1);
    const few = [{ gained: 4, possible: 8 }];
    expect(lossOf(few, [{ gained: 3, possible: 8 }])).toMatchObject({ method: 'Newcombe' });
  });

  it('is no number where there was nothing to gain', () => {
    expect(lossOf([{ gained: 0, possible: 0 }], [{ gained: 0, possible: 0 }]).points).toBeNaN();
  });
});

describe('imagesFor', () => {
  it('says how many images show no loss beyond so many points', () => {
    const needed = imagesFor(0.5);
    expect(lossOf(...pairs(needed, 0, 0, 0)).to).toBeLessThanOrEqual(0.5);
    expect(lossOf(...pairs(needed - 1, 0, 0, 0)).to).toBeGreaterThan(0.5);
    expect(imagesFor(0)).toBe(Number.POSITIVE_INFINITY);
  });
});
