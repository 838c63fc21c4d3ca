import { once } from 'node:events';
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { exposedCollector, type HeapReading, SpareHeap } from './spare-memory.js';

const MB = 1024 * 1024;

/** Whether it was due at each second, the first one being 0. */
function dueAt(readings: readonly Partial<Omit<HeapReading, 'now'>>[]): number[] {
  const spare = new SpareHeap(32 * MB);
  const quiet = { totalBytes: 40 * MB, usedBytes: 30 * MB, utilization: 0.1 };
  return readings.flatMap((reading, second) =>
    spare.isDue({ ...quiet, ...reading, now: second * 1000 }) ? [second] : [],
  );
}

const seconds = (count: number, reading: Partial<HeapReading> = {}) =>
  Array.from({ length: count }, () => reading);
const PEAK = { totalBytes: 120 * MB, usedBytes: 100 * MB, utilization: 0.9 };

describe('what V8 keeps of its heap', () => {
  it('is given back once, when it has been quiet for a time after a peak', () => {
    expect(dueAt([...seconds(5), ...seconds(10, PEAK), ...seconds(100)])).toEqual([30]);
  });

  it('is left alone where there was no peak', () => {
    expect(dueAt(seconds(100))).toEqual([]);
  });

  it('is left alone while there is much to do', () => {
    expect(dueAt([...seconds(10, PEAK), ...seconds(100, { utilization: 0.6 })])).toEqual([]);
    const bursts = seconds(100).map((_, second) => ({ utilization: second % 10 === 0 ? 0.9 : 0 }));
    expect(dueAt([...seconds(10, PEAK), ...bursts])).toEqual([]);
  });

  it('is given back again after the next peak', () => {
    const peakAndQuiet = [...seconds(5, PEAK), ...seconds(25)];
    expect(dueAt([...peakAndQuiet, ...peakAndQuiet])).toEqual([20, 50]);
  });

  it('is garbage where it has not shrunk by itself', () => {
    const swollen = { totalBytes: 120 * MB, usedBytes: 110 * MB };
    expect(dueAt([...seconds(20, swollen), { totalBytes: 120 * MB, usedBytes: 40 * MB }])).toEqual([20]);
  });
});

describe('the collector', () => {
  it('frees what nothing refers to', () => {
    let garbage: unknown[] = Array.from({ length: 300_000 }, (_, index) => ({ index }));
    expect(garbage).toHaveLength(300_000);
    const before = getHeapStatistics().used_heap_size;
    garbage = [];
    exposedCollector()();
    expect(getHeapStatistics().used_heap_size).toBeLessThan(before - 5 * MB);
    expect(globalThis).not.toHaveProperty('gc');
  });

  it('is there for every thread, also where many ask at once', async () => {
    const built = new URL('../dist/service/spare-memory.js', import.meta.url).href;
    const code = `import('${built}').then(({ exposedCollector }) => {
      for (let times = 0; times < 200; times++) exposedCollector();
    })`;
    const threads = Array.from({ length: 4 }, () => new Worker(code, { eval: true }));
    const codes = await Promise.all(threads.map(async (thread) => (await once(thread, 'exit'))[0]));
    expect(codes).toEqual([0, 0, 0, 0]);
  });
});
