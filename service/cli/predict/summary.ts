import type { AnsweredImage } from './record.js';

/** Failed images that are named at the end; all are in the output. */
const MAX_NAMED = 5;

/** What became of the images of one run. */
export class Summary {
  answered = 0;
  failed = 0;
  readonly #named: string[] = [];
  readonly #startedAt = performance.now();

  count(file: string, { error }: AnsweredImage): void {
    this.answered += 1;
    if (error === undefined) return;
    this.failed += 1;
    if (this.#named.length < MAX_NAMED) this.#named.push(`  ${error.code} ${JSON.stringify(file)}`);
  }

  /** @param before images that earlier runs had answered */
  text(before: number, failedBefore: number): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const pace = `${this.answered} images in ${seconds.toFixed(1)} s, ${(this.answered / seconds).toFixed(1)} a second`;
    const earlier = before > 0 ? `; ${before} were answered before, ${failedBefore} of them failed` : '';
    const rest = this.failed > this.#named.length ? ['  ...'] : [];
    return [`${pace}; ${this.failed} failed${earlier}`, ...this.#named, ...rest].join('\n');
  }
}
