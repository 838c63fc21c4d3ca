import { expect, it } from 'vitest';
import { entropyRatio } from './entropy.js';

it('is 1 where all scores are equal, and 0 where one class has all', () => {
  expect(entropyRatio(Float32Array.of(3, 3, 3, 3))).toBeCloseTo(1, 12);
  expect(entropyRatio(Float32Array.of(0, 2000, 0))).toBe(0);
  expect(entropyRatio(Float32Array.of(5))).toBe(0);
});

it('is that of the scores by the definition', () => {
  const logits = Float32Array.of(Math.log(0.7), Math.log(0.2), Math.log(0.1));
  const expected = -(0.7 * Math.log(0.7) + 0.2 * Math.log(0.2) + 0.1 * Math.log(0.1)) / Math.log(3);
  expect(entropyRatio(logits)).toBeCloseTo(expected, 6);
});
