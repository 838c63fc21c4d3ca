import { otherThan, type Traffic } from './traffic.js';

export interface Waiting {
  readonly traffic: Traffic;
  /** What it takes, in any unit above zero. */
  readonly cost: number;
}

/**
 * Two queues, first in, first out, of single images and of those of batches. While both wait, the one that was given
 * less goes next, so that either has half, however long the other is (start-time fair queueing with two flows: Goyal,
 * Vin and Cheng, SIGCOMM 1996).
 */
export class FairQueue<Item extends Waiting> {
  readonly #waiting: Readonly<Record<Traffic, Set<Item>>> = { single: new Set(), batch: new Set() };
  /** Costs of what waits. */
  readonly #cost: Record<Traffic, number> = { single: 0, batch: 0 };
  /** Costs of what was taken; only the difference counts. */
  readonly #given: Record<Traffic, number> = { single: 0, batch: 0 };

  get size(): number {
    return this.#waiting.single.size + this.#waiting.batch.size;
  }

  count(traffic: Traffic): number {
    return this.#waiting[traffic].size;
  }

  /** Cost of all that would be taken until so much more of this traffic had been, that itself included. */
  costUntil(traffic: Traffic, more: number): number {
    const own = this.#cost[traffic] + more;
    return own + Math.min(this.#cost[otherThan(traffic)], own);
  }

  /** The first of a queue. */
  first(traffic: Traffic): Item | undefined {
    return this.#waiting[traffic].keys().next().value;
  }

  add(item: Item): void {
    const { traffic, cost } = item;
    // What it did not use while nothing of it waited is not owed to it.
    if (this.#waiting[traffic].size === 0)
      this.#given[traffic] = Math.max(this.#given[traffic], this.#given[otherThan(traffic)]);
    this.#waiting[traffic].add(item);
    this.#cost[traffic] += cost;
  }

  /** Takes out what leaves before its turn, or has had it. Returns whether it waited. */
  delete(item: Item): boolean {
    const waiting = this.#waiting[item.traffic];
    if (!waiting.delete(item)) return false;
    // Of nothing is nothing left: sums of fractions drift.
    this.#cost[item.traffic] = waiting.size === 0 ? 0 : this.#cost[item.traffic] - item.cost;
    return true;
  }

  /** Takes out whose turn it is. */
  take(): Item | undefined {
    const { single, batch } = this.#given;
    const turn: Traffic = single <= batch ? 'single' : 'batch';
    const traffic = this.#waiting[turn].size > 0 ? turn : otherThan(turn);
    const item = this.first(traffic);
    if (item === undefined) return undefined;
    this.delete(item);
    this.#given[traffic] += item.cost;
    return item;
  }
}
