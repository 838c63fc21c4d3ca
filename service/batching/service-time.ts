/** Weight of the newest batch in the moving average. */
const NEWEST = 0.2;

/** An exponentially weighted moving average of how long one image occupies one slot, in milliseconds. */
export class ServiceTime {
  #perImageMs = 0;

  get perImageMs(): number {
    return this.#perImageMs;
  }

  record(batchMs: number, images: number): void {
    const perImage = batchMs / images;
    this.#perImageMs =
      this.#perImageMs === 0 ? perImage : this.#perImageMs + NEWEST * (perImage - this.#perImageMs);
  }

  /** How long until `images` more have been served by `slots`, milliseconds. */
  drainMs(images: number, slots: number): number {
    return (images * this.#perImageMs) / Math.max(1, slots);
  }
}
