import { randomSource } from '../../service/bench/random-source.js';
import { median, quantile } from '../../service/bench/statistics.js';

export interface Interval {
  readonly from: number;
  readonly to: number;
}

const RESAMPLES = 4000;
const CONFIDENCE = 0.95;
const SEED = 1;

/**
 * The percentile bootstrap interval of a median: where the medians of samples drawn from the values, with repetition,
 * mostly lie (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). The same for the same values.
 */
export function medianInterval(values: readonly number[]): Interval {
  const random = randomSource(SEED);
  const draw = (): number => values[Math.floor(random() * values.length)] ?? Number.NaN;
  const medians = Array.from({ length: RESAMPLES }, () => median(values.map(draw)));
  return { from: quantile(medians, (1 - CONFIDENCE) / 2), to: quantile(medians, (1 + CONFIDENCE) / 2) };
}
