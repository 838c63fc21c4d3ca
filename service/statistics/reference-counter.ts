import { FEATURE_NAMES, FEATURES, type FeatureName } from './features.js';
import type { ImageStatistics } from './image-statistics.js';
import type { Reference } from './reference.js';

const DECIMALS = 6;

/** Labels of an answer, and their scores, 0 to 1. */
interface Observed {
  readonly labels: readonly string[];
  readonly scores: readonly number[];
}

/** Counts pictures and answers into the buckets of metrics, to become a model's reference. */
export class ReferenceCounter {
  readonly #counts = new Map<FeatureName, number[]>();
  readonly #labels: Map<string, number>;
  #images = 0;

  /** @param labels that answers may have */
  constructor(labels: readonly string[]) {
    this.#labels = new Map(labels.map((label) => [label, 0]));
  }

  get images(): number {
    return this.#images;
  }

  add(statistics: ImageStatistics, { labels, scores }: Observed): void {
    this.#images += 1;
    for (const label of labels) this.#labels.set(label, (this.#labels.get(label) ?? 0) + 1);
    for (const score of scores) this.#count('confidence', score);
    for (const name of FEATURE_NAMES) {
      const value = name === 'confidence' ? undefined : statistics[name];
      if (value !== undefined) this.#count(name, value);
    }
  }

  result(): Reference {
    const features: Reference['features'] = {};
    for (const name of FEATURE_NAMES) {
      const counts = this.#counts.get(name);
      if (counts !== undefined)
        features[name] = { buckets: [...FEATURES[name].buckets], share: shares(counts) };
    }
    const given = [...this.#labels.values()];
    if (given.every((count) => count === 0)) return { images: this.#images, features };
    const share = shares(given);
    const labels = Object.fromEntries(
      [...this.#labels.keys()].map((label, index) => [label, share[index] ?? 0]),
    );
    return { images: this.#images, features, labels };
  }

  #count(name: FeatureName, value: number): void {
    const { buckets } = FEATURES[name];
    const counts = this.#counts.get(name) ?? new Array<number>(buckets.length + 1).fill(0);
    this.#counts.set(name, counts);
    const index = buckets.findIndex((edge) => value <= edge);
    const bucket = index === -1 ? buckets.length : index;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
  }
}

function shares(counts: readonly number[]): number[] {
  const sum = counts.reduce((total, count) => total + count, 0);
  return counts.map((count) => Number((count / sum).toFixed(DECIMALS)));
}
