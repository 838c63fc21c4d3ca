import { describe, expect, it } from 'vitest';
import { countPriors, DEFAULT_PRIORS, priorAt } from './priors.js';

describe('priors of UltraFace', () => {
  it('are as many as its outputs have rows', () => {
    expect(countPriors(DEFAULT_PRIORS, 320, 240)).toBe(4420);
    expect(countPriors(DEFAULT_PRIORS, 640, 480)).toBe(17_640);
  });

  it('begin with the finest grid, row by row, each cell with its squares', () => {
    const at = (index: number) => priorAt(index, DEFAULT_PRIORS, 320, 240);
    expect(at(0)).toEqual({ x: 4, y: 4, width: 10, height: 10 });
    expect(at(2)).toEqual({ x: 4, y: 4, width: 24, height: 24 });
    expect(at(3)).toEqual({ x: 12, y: 4, width: 10, height: 10 });
    expect(at(3 * 40)).toEqual({ x: 4, y: 12, width: 10, height: 10 });
    expect(at(3600)).toEqual({ x: 8, y: 8, width: 32, height: 32 });
  });

  it('fill the tensor where its size is no multiple of the stride, and are no larger', () => {
    // The grid of 64 has 4 rows in 240 pixels.
    expect(priorAt(4419, DEFAULT_PRIORS, 320, 240)).toEqual({ x: 288, y: 210, width: 256, height: 240 });
  });
});
