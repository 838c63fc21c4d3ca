export interface CutSituation {
  /** Images that wait. */
  readonly queued: number;
  /** Runs that could start now. */
  readonly freeSlots: number;
  readonly maxBatchSize: number;
  /** How long the oldest image has waited, milliseconds. */
  readonly oldestWaitMs: number;
  /** How long an image may wait for company; 0 never waits. */
  readonly maxWaitMs: number;
}

/**
 * How many images the next run takes now; 0 means wait.
 * Free slots share what has queued, so that no thread idles beside a full batch.
 */
export function cutSize(situation: CutSituation): number {
  const { queued, freeSlots, maxBatchSize, oldestWaitMs, maxWaitMs } = situation;
  if (queued === 0 || freeSlots === 0) return 0;
  if (maxWaitMs > 0 && queued < maxBatchSize && oldestWaitMs < maxWaitMs) return 0;
  if (maxWaitMs > 0) return Math.min(queued, maxBatchSize);
  return Math.min(Math.ceil(queued / freeSlots), maxBatchSize);
}
