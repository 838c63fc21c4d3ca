import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.js';
import type { Traffic } from './traffic.js';

interface Item {
  readonly traffic: Traffic;
  readonly cost: number;
  readonly id: number;
}

function filled(...items: readonly [Traffic, count: number, cost?: number][]): FairQueue<Item> {
  const queue = new FairQueue<Item>();
  for (const [traffic, count, cost = 1] of items)
    for (let id = 0; id < count; id++) queue.add({ traffic, cost, id });
  return queue;
}

function takeAll(queue: FairQueue<Item>): Item[] {
  const item = queue.take();
  return item === undefined ? [] : [item, ...takeAll(queue)];
}

function turns(queue: FairQueue<Item>): string {
  return takeAll(queue)
    .map(({ traffic }) => traffic[0])
    .join('');
}

describe('what waits', () => {
  it('takes turns, one of either, however many of one came first', () => {
    expect(turns(filled(['batch', 6], ['single', 2]))).toBe('sbsbbbbb');
    expect(turns(filled(['single', 6], ['batch', 2]))).toBe('sbsbssss');
  });

  it('has half of the time, not of the turns', () => {
    expect(turns(filled(['batch', 2, 4], ['single', 6, 1]))).toBe('sbssssbs');
  });

  it('has nothing saved up from when nothing of it waited', () => {
    const queue = filled(['batch', 20]);
    for (let taken = 0; taken < 10; taken++) queue.take();
    for (let id = 0; id < 4; id++) queue.add({ traffic: 'single', cost: 1, id });
    expect(turns(queue)).toBe('sbsbsbsbbbbbbb');
  });

  it('goes first in, first out, but for who has left', () => {
    const queue = new FairQueue<Item>();
    const items = [0, 1, 2].map((id): Item => ({ traffic: 'single', cost: 1, id }));
    for (const item of items) queue.add(item);
    const [, leaving] = items;
    expect(leaving && [queue.delete(leaving), queue.delete(leaving)]).toEqual([true, false]);
    expect(takeAll(queue).map(({ id }) => id)).toEqual([0, 2]);
  });

  it('is said beforehand to cost what is taken until its turn', () => {
    const side = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 });
    fc.assert(
      fc.property(side, side, fc.constantFrom<Traffic>('single', 'batch'), (single, batch, traffic) => {
        const queue = new FairQueue<Item>();
        for (const cost of single) queue.add({ traffic: 'single', cost, id: 0 });
        for (const cost of batch) queue.add({ traffic: 'batch', cost, id: 0 });
        const expected = queue.costUntil(traffic, 5);
        queue.add({ traffic, cost: 5, id: 1 });
        const order = takeAll(queue);
        const until = order.slice(0, order.findIndex(({ id }) => id === 1) + 1);
        const cost = until.reduce((sum, each) => sum + each.cost, 0);
        // The other may be one turn ahead or behind.
        expect(Math.abs(cost - expected)).toBeLessThanOrEqual(9);
      }),
    );
  });
});
