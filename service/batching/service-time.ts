/** Weight of the newest batch in the moving average. */
const NEWEST = 0.2;

/** An exponentially weighted moving average of how long one image occupies one slot, its decoding aside, in milliseconds. */
export class ServiceTime {
  #perImageMs: number;

  /** @param perImageMs what is known already; 0: nothing */
  constructor(perImageMs = 0) {
    this.#perImageMs = perImageMs;
  }

  get perImageMs(): number {
    return this.#perImageMs;
  }

  record(batchMs: number, images: number): void {
    const perImage = batchMs / images;
    this.#perImageMs =
      this.#perImageMs === 0 ? perImage : this.#perImageMs + NEWEST * (perImage - this.#perImageMs);
  }
}
