/** Why an image is kept: chance took it, or the model was not sure of its answer. */
export type ReasonToKeep = 'sampled' | 'uncertain';

export interface SamplingOptions {
  /** 0..1, of all images. */
  readonly share: number;
  /** Best score, 0..1, below which an answer is uncertain. */
  readonly uncertainBelow: number;
  /** Most that are kept for that. */
  readonly uncertainPerMinute: number;
}

/** Decides which images are kept. Chance comes first and knows no budget, so that what it takes stays a fair sample. */
export class Sampling {
  readonly #options: SamplingOptions;
  readonly #random: () => number;
  #tokens: number;
  #filledAt: number | undefined;

  constructor(options: SamplingOptions, random: () => number = Math.random) {
    this.#options = options;
    this.#random = random;
    this.#tokens = options.uncertainPerMinute;
  }

  /**
   * @param scores of the labels given; an answer without any is not uncertain
   * @param nowMs on any clock
   */
  reasonFor(scores: readonly number[], nowMs: number): ReasonToKeep | undefined {
    if (this.#random() < this.#options.share) return 'sampled';
    const isUncertain = scores.length > 0 && scores.every((score) => score < this.#options.uncertainBelow);
    return isUncertain && this.#takeToken(nowMs) ? 'uncertain' : undefined;
  }

  #takeToken(nowMs: number): boolean {
    const { uncertainPerMinute } = this.#options;
    const minutes = Math.max(0, nowMs - (this.#filledAt ?? nowMs)) / 60_000;
    this.#tokens = Math.min(uncertainPerMinute, this.#tokens + minutes * uncertainPerMinute);
    this.#filledAt = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
