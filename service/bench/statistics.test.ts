import { describe, expect, it } from 'vitest';
import { median, quantile, slope } from './statistics.js';

describe('quantile', () => {
  it('is the nearest rank, whatever the order', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantile(values, 0.99)).toBe(99);
    expect(quantile(values, 1)).toBe(100);
    expect(quantile([7], 0.5)).toBe(7);
  });

  it('of nothing is not a number', () => {
    expect(quantile([], 0.99)).toBeNaN();
  });
});

describe('median', () => {
  it('is the middle, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});

describe('slope', () => {
  it('is the growth per step of a straight line', () => {
    expect(
      slope([
        [0, 10],
        [100, 60],
        [200, 110],
      ]),
    ).toBeCloseTo(0.5);
  });
});
