import { quantile } from '../service/bench/statistics.js';
import type { Observation } from '../service/tasks/task.js';

const BINS = 16;
const QUANTILES = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const WHERE = 'images that the optimised model was proved with';

/** What drift is measured against, as far as it depends on the model's answers: in the form that training writes it. */
export function referenceOf(
  observations: readonly Observation[],
  labels: readonly string[],
): Readonly<Record<string, unknown>> {
  const scores = observations.flatMap((each) => each.scores);
  const given = observations.flatMap((each) => each.labels);
  return {
    ...(given.length > 0 &&
      labels.length > 0 && {
        predicted_class_share: {
          what: `share of each label among the answers to ${WHERE}`,
          labels,
          share: labels.map((label) => rounded(given.filter((each) => each === label).length / given.length)),
        },
      }),
    ...(scores.length > 0 && { confidence: { what: `score, 0..1; ${WHERE}`, ...distribution(scores) } }),
  };
}

/** Of values from 0 to 1. */
function distribution(values: readonly number[]): object {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const counts = new Array<number>(BINS).fill(0);
  for (const value of values) {
    const bin = Math.min(BINS - 1, Math.max(0, Math.floor(value * BINS)));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return {
    count: values.length,
    mean: rounded(mean),
    std: rounded(Math.sqrt(variance)),
    quantiles: Object.fromEntries(QUANTILES.map((share) => [share, rounded(quantile(values, share))])),
    bin_edges: Array.from({ length: BINS + 1 }, (_, edge) => edge / BINS),
    bin_share: counts.map((count) => rounded(count / values.length)),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}
