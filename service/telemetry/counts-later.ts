/** So many together take about half a millisecond. */
const ENOUGH = 64;

/**
 * Counts that nobody waits for, made many at a time: one by one, each would find the processor's caches full of the model that
 * has run meanwhile (docs/decisions/0023-counting-together.md).
 */
export class CountsLater {
  #waiting: (() => void)[] = [];

  add(count: () => void): void {
    this.#waiting.push(count);
  }

  makeIfEnough(): void {
    if (this.#waiting.length >= ENOUGH) this.makeAll();
  }

  makeAll(): void {
    const counts = this.#waiting;
    this.#waiting = [];
    for (const count of counts) count();
  }
}
