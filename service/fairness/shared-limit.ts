import type { Traffic } from './traffic.js';

/** What either traffic may take of a limit; a single request more, where nothing else of its traffic is under way. */
export function mostOf(max: number): number {
  return Math.ceil((max * 3) / 4);
}

/** A limit that single images and batches share: neither can take all of it and shut the other out. */
export class SharedLimit {
  readonly max: number;
  readonly #taken: Record<Traffic, number> = { single: 0, batch: 0 };

  constructor(max: number) {
    this.max = max;
  }

  get taken(): number {
    return this.#taken.single + this.#taken.batch;
  }

  isIdle(traffic: Traffic): boolean {
    return this.#taken[traffic] === 0;
  }

  fits(traffic: Traffic, amount: number): boolean {
    if (this.taken + amount > this.max) return false;
    return this.isIdle(traffic) || this.#taken[traffic] + amount <= mostOf(this.max);
  }

  take(traffic: Traffic, amount: number): void {
    this.#taken[traffic] += amount;
  }

  give(traffic: Traffic, amount: number): void {
    this.#taken[traffic] -= amount;
  }
}
