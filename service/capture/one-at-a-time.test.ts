import { expect, it } from 'vitest';
import { OneAtATime } from './one-at-a-time.js';

const patient = new AbortController().signal;

function work() {
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { run: () => done, finish };
}

it('work begins in its order, when what came before has ended, well or not', async () => {
  const disk = new OneAtATime();
  const begun: string[] = [];
  const first = work();
  const ends = [
    disk.run(first.run, patient),
    disk.run(async () => {
      begun.push('second');
      throw new Error('failed');
    }, patient),
    disk.run(async () => void begun.push('third'), patient),
  ];
  expect(begun).toEqual([]);
  first.finish();
  expect((await Promise.allSettled(ends)).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
  ]);
  expect(begun).toEqual(['second', 'third']);
});

it('who waits behind work that hangs leaves when its time is up, and is never run', async () => {
  const disk = new OneAtATime();
  const hanging = work();
  const leaving = new AbortController();
  const first = disk.run(hanging.run, leaving.signal);
  let runs = 0;
  const second = disk.run(async () => {
    runs += 1;
  }, leaving.signal);
  leaving.abort(new Error('late'));
  await expect(first).rejects.toThrow('late');
  await expect(second).rejects.toThrow('late');
  const third = disk.run(async () => 'third', patient);
  hanging.finish();
  expect([await third, runs]).toEqual(['third', 0]);
});
