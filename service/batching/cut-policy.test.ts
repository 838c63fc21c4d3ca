import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutSize } from './cut-policy.js';

const situation = { queued: 5, slots: 1, freeSlots: 1, maxBatchSize: 4, oldestWaitMs: 0, maxWaitMs: 0 };

describe('cutSize', () => {
  it('never makes a lone image wait', () => {
    expect(cutSize({ ...situation, queued: 1 })).toBe(1);
  });

  it('takes no more than the batch limit', () => {
    expect(cutSize({ ...situation, queued: 100 })).toBe(4);
  });

  it('takes the share of one slot, and what is left over waits for the next', () => {
    const sizes = [1, 2, 3, 4, 7, 8, 9].map((queued) => cutSize({ ...situation, queued, slots: 2 }));
    expect(sizes).toEqual([1, 1, 1, 2, 3, 4, 4]);
  });

  it('takes nothing without a free slot or without an image', () => {
    expect(cutSize({ ...situation, freeSlots: 0 })).toBe(0);
    expect(cutSize({ ...situation, queued: 0 })).toBe(0);
  });

  it('waits for company only where that was asked for, and only so long', () => {
    const waiting = { ...situation, queued: 2, maxWaitMs: 10 };
    expect(cutSize({ ...waiting, oldestWaitMs: 9 })).toBe(0);
    expect(cutSize({ ...waiting, oldestWaitMs: 10 })).toBe(2);
    expect(cutSize({ ...waiting, queued: 4 })).toBe(4);
  });

  it('always takes between one image and the limit where images and slots exist', () => {
    const positive = fc.integer({ min: 1, max: 1000 });
    fc.assert(
      fc.property(positive, positive, positive, (queued, slots, maxBatchSize) => {
        const size = cutSize({ queued, slots, freeSlots: 1, maxBatchSize, oldestWaitMs: 0, maxWaitMs: 0 });
        return size >= 1 && size <= Math.min(queued, maxBatchSize);
      }),
    );
  });
});
