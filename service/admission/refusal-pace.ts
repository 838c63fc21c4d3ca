/** As many refusals in a second are answered at once; each costs some 0.15 ms of the main thread, and its client as much. */
const REFUSALS_PER_SECOND = 1000;
/** What may come at once beyond that, in seconds of it. */
const BURST_MS = 200;
const MAX_DELAY_MS = 500;

/**
 * Says how long a refusal has to wait. Clients that come back at once would otherwise be refused thousands of times a
 * second, and take the processor from the work that they wait for, whereupon more of them are refused.
 */
export class RefusalPace {
  #nextAt = Number.NEGATIVE_INFINITY;

  /** Milliseconds from `now`, a time of the same clock as those before it, until the next refusal may be answered. */
  delayAt(now: number): number {
    this.#nextAt = Math.max(this.#nextAt, now - BURST_MS) + 1000 / REFUSALS_PER_SECOND;
    const delayMs = Math.max(0, this.#nextAt - now);
    if (delayMs > MAX_DELAY_MS) this.#nextAt = now + MAX_DELAY_MS;
    return Math.min(delayMs, MAX_DELAY_MS);
  }
}
