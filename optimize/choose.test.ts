import { describe, expect, it } from 'vitest';
import { choose, fault, type Trial } from './choose.js';

const LOSS = { points: 0.1, original: 90, candidate: 89.9, images: 1000, method: 'Newcombe' } as const;

function trial(name: string, speedup: number, from: number, to: number): Trial {
  return {
    name,
    settings: {},
    speedup,
    speedupInterval: { from: speedup - 0.1, to: speedup + 0.1 },
    ms: 1,
    memoryBytes: 1,
    fileBytes: 1,
    loss: { ...LOSS, from, to },
    goldenChanged: [],
  };
}

describe('choose', () => {
  it('keeps the fastest of those whose whole interval is within the loss', () => {
    const trials = [trial('fast', 3, -0.2, 0.8), trial('good', 2, -0.2, 0.4), trial('slow', 1.5, -0.3, 0.1)];
    expect(choose(trials, 0.5)?.name).toBe('good');
    expect(choose(trials, 1)?.name).toBe('fast');
    expect(choose(trials, 0)).toBeUndefined();
  });

  it('keeps the one that loses least of those that are as fast as can be told', () => {
    const lossy = trial('lossy', 2.05, 0, 0.4);
    const exact = { ...trial('exact', 2, 0, 0.4), loss: { ...LOSS, points: 0.05, from: 0, to: 0.4 } };
    expect(choose([lossy, exact], 0.5)?.name).toBe('exact');
  });

  it('keeps none that is not surely faster', () => {
    expect(choose([trial('same', 1.05, -0.2, 0.1)], 0.5)).toBeUndefined();
  });

  it('keeps none that answers a golden image otherwise, whatever the mean says', () => {
    expect(choose([{ ...trial('a', 2, 0, 0.1), goldenChanged: ['golden/0.png'] }], 100)).toBeUndefined();
  });

  it('keeps none of which nothing was measured', () => {
    expect(choose([trial('a', 2, Number.NaN, Number.NaN)], 100)).toBeUndefined();
    expect(choose([{ ...trial('a', 2, 0, 0), loss: undefined }], 100)).toBeUndefined();
  });
});

describe('fault', () => {
  it('tells what loses too much from what is not known well enough', () => {
    expect(fault(trial('a', 2, 0.6, 0.9), 0.5)).toBe('loses too much');
    expect(fault(trial('a', 2, 0.1, 0.9), 0.5)).toBe('not shown to lose little enough');
  });
});
