import type { ImageStatistics } from './image-statistics.js';

/** Below this no camera shows anything: two and a half of 255 levels. */
const BLANK_CONTRAST = 0.01;
/** Different images among which one that comes again is looked for: so many cameras may take turns. */
const REMEMBERED = 64;

export const BROKEN_REASONS = ['blank', 'repeated'] as const;
export type BrokenReason = (typeof BROKEN_REASONS)[number];

/**
 * Tells images that are no picture of anything: blank ones (black, white, covered), and those that come again and again from a
 * camera that stands still. What it remembers is bounded.
 */
export class BrokenInput {
  /** The newest last. */
  readonly #last = new Set<string>();

  /** Why an image counts as broken; undefined where it does not. */
  reasonFor(statistics: ImageStatistics): BrokenReason | undefined {
    const key = Object.values(statistics).join(' ');
    const isRepeated = this.#last.delete(key);
    this.#last.add(key);
    if (this.#last.size > REMEMBERED) this.#forgetOldest();
    if ((statistics.contrast ?? 1) < BLANK_CONTRAST) return 'blank';
    return isRepeated ? 'repeated' : undefined;
  }

  #forgetOldest(): void {
    const [oldest] = this.#last;
    if (oldest !== undefined) this.#last.delete(oldest);
  }
}
