import { expect, it, onTestFinished, vi } from 'vitest';
import { DecodeQueue } from './decode-queue.js';

function pending(): { task: () => Promise<void>; end: () => void } {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { task: () => ended, end: () => end() };
}

it('sums up what is expected of all that wait and run, and forgets who has left or ended', async () => {
  const queue = new DecodeQueue(1, 10);
  const [first, second] = [pending(), pending()];
  const controller = new AbortController();
  const running = queue.run(first.task, 60_000, undefined);
  const waiting = queue.run(second.task, 40_000, undefined);
  const leaving = queue.run(pending().task, 5000, controller.signal);
  // A little of what runs is done already.
  expect(queue.backlogMs('single', 0)).toBeGreaterThan(104_000);
  expect(queue.backlogMs('single', 0)).toBeLessThanOrEqual(105_000);
  controller.abort(new Error('left'));
  await expect(leaving).rejects.toThrow('left');
  expect(queue.backlogMs('single', 0)).toBeLessThanOrEqual(100_000);
  first.end();
  await running;
  expect(queue.backlogMs('single', 0)).toBeLessThanOrEqual(40_000);
  second.end();
  await waiting;
  expect(queue.backlogMs('single', 0)).toBe(0);
});

it('counts what takes longer than expected as done', async () => {
  const queue = new DecodeQueue(1, 10);
  const { task, end } = pending();
  const running = queue.run(task, 0.001, undefined);
  await new Promise((resolve) => setImmediate(resolve));
  expect(queue.backlogMs('single', 0)).toBe(0);
  end();
  await running;
});

it('is idle once nothing runs or waits', async () => {
  const queue = new DecodeQueue(1, 10);
  await queue.idle();
  const [first, second] = [pending(), pending()];
  const both = [queue.run(first.task, 1, undefined), queue.run(second.task, 1, undefined)];
  let isIdle = false;
  const idle = queue.idle().then(() => {
    isIdle = true;
  });
  first.end();
  await both[0];
  expect(isIdle).toBe(false);
  second.end();
  await idle;
});

it('expects of what waits that it is as slow as what ran, and nothing from what failed', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const queue = new DecodeQueue(1, 10);
  const after = (ms: number) => () => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const failed = queue.run(() => Promise.reject(new Error('damaged')), 10_000, undefined);
  await expect(failed).rejects.toThrow('damaged');
  const slow = queue.run(after(300), 100, undefined);
  await vi.advanceTimersByTimeAsync(300);
  await slow;
  const [running, waiting] = [queue.run(after(1000), 10, undefined), queue.run(after(1), 10, undefined)];
  expect(queue.backlogMs('single', 0)).toBeCloseTo(60);
  await vi.advanceTimersByTimeAsync(1001);
  await Promise.all([running, waiting]);
});
