import { describe, expect, it } from 'vitest';
import { encodeGreyPng } from '../service/tasks/mask-png.js';
import { TASK_NAMES } from '../service/tasks/tasks.js';
import { MEASURES } from './score.js';

const score = (task: string, right: object, given: object) =>
  MEASURES[task]?.score(right as Record<string, unknown>, given as Record<string, unknown>);
const box = (x_min: number, label = 'a') => ({
  label,
  score: 0.9,
  box: { x_min, y_min: 0, x_max: x_min + 10, y_max: 10 },
});
const mask = (pixels: readonly number[]) => ({
  mask: { png: encodeGreyPng(Uint8Array.from(pixels), pixels.length, 1).toString('base64') },
});

describe('MEASURES', () => {
  it('has one for every task', () => {
    expect(Object.keys(MEASURES).sort()).toEqual([...TASK_NAMES].sort());
  });

  it('compares the best label', () => {
    const right = { predictions: [{ label: 'cat' }] };
    expect(score('classification', right, { predictions: [{ label: 'cat' }, { label: 'dog' }] })).toEqual({
      gained: 1,
      possible: 1,
    });
    expect(score('classification', right, { predictions: [] })).toEqual({ gained: 0, possible: 1 });
  });

  it.each([
    { right: [box(0), box(50)], given: [box(1), box(50)], gained: 4, possible: 4 },
    { right: [box(0), box(50)], given: [box(0)], gained: 2, possible: 3 },
    { right: [box(0)], given: [box(0), box(1)], gained: 2, possible: 3 },
    { right: [box(0)], given: [box(0, 'b')], gained: 0, possible: 2 },
    { right: [box(0)], given: [box(6)], gained: 0, possible: 2 },
    { right: [], given: [], gained: 0, possible: 0 },
  ])(
    'matches boxes one to one, by overlap and label: $gained of $possible',
    ({ right, given, ...expected }) => {
      expect(score('detection', { predictions: right }, { predictions: given })).toEqual(expected);
    },
  );

  it('compares masks class by class, so that a large background hides nothing', async () => {
    const right = mask([0, 0, 0, 0, 0, 0, 0, 1]);
    expect(await score('segmentation', right, right)).toEqual({ gained: 1, possible: 1 });
    expect((await score('segmentation', right, mask([0, 0, 0, 0, 0, 0, 0, 0])))?.gained).toBeCloseTo(7 / 16);
    expect(await score('segmentation', right, mask([0]))).toEqual({ gained: 0, possible: 1 });
  });

  it.each([
    { right: [1, 0], given: [2, 0], gained: 1 },
    { right: [1, 0], given: [0, 1], gained: 0 },
    { right: [1, 0], given: [-1, 0], gained: 0 },
    { right: [0, 0], given: [0, 0], gained: 1 },
    { right: [0, 0], given: [1, 0], gained: 0 },
  ])('takes the cosine of $right and $given', ({ right, given, gained }) => {
    expect(score('embedding', { embedding: right }, { embedding: given })).toEqual({ gained, possible: 1 });
    const outputs = (data: readonly number[]) => ({ outputs: [{ name: 'out', data }] });
    expect(score('raw', outputs(right), outputs(given))).toEqual({ gained, possible: 1 });
  });
});
