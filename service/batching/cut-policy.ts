export interface CutSituation {
  /** Images that wait. */
  readonly queued: number;
  /** Runs that can be under way at once. */
  readonly slots: number;
  /** Of these, runs that could start now. */
  readonly freeSlots: number;
  readonly maxBatchSize: number;
  /** How long the oldest image has waited, milliseconds. */
  readonly oldestWaitMs: number;
  /** How long an image may wait for company; 0 never waits. */
  readonly maxWaitMs: number;
}

/**
 * How many images the next run takes now; 0 means wait.
 * A run takes its slot's share of what has queued, rounded down: what would make its batch larger is run sooner by the
 * slot that is free next (docs/decisions/0019-turns-and-batches.md).
 */
export function cutSize(situation: CutSituation): number {
  const { queued, slots, freeSlots, maxBatchSize, oldestWaitMs, maxWaitMs } = situation;
  if (queued === 0 || freeSlots === 0) return 0;
  if (maxWaitMs > 0 && queued < maxBatchSize && oldestWaitMs < maxWaitMs) return 0;
  if (maxWaitMs > 0) return Math.min(queued, maxBatchSize);
  return Math.max(1, Math.min(Math.floor(queued / slots), maxBatchSize));
}
