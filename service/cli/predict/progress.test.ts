import { expect, it } from 'vitest';
import { describe as described, duration } from './progress.js';

it('progress says how many, the pace and the time left', () => {
  expect(described({ answered: 120, failed: 2, total: 1000, seconds: 2 })).toBe(
    '120/1000 images, 2 failed, 60 a second, 15 s left',
  );
  expect(described({ answered: 0, failed: 0, total: 7, seconds: 0 })).toBe('0/7 images');
});

it('durations are in the two largest units', () => {
  expect([0, 59.2, 60, 3599, 3600, 90_000].map(duration)).toEqual([
    '0 s',
    '1 min 0 s',
    '1 min 0 s',
    '59 min 59 s',
    '1 h 0 min',
    '25 h 0 min',
  ]);
});
