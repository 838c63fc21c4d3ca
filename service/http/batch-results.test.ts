import { describe, expect, it } from 'vitest';
import { writeResults } from './batch-results.js';

const MB = 1024 * 1024;
const itemOf = (outcome: string, index: number): object => ({ index, outcome });

describe('the results of a batch', () => {
  it('are written in order', async () => {
    const { text, written } = await writeResults(['a', 'b"', ''], itemOf, 'refused');
    expect(JSON.parse(text)).toEqual(['a', 'b"', ''].map(itemOf));
    expect(written).toEqual(['a', 'b"', '']);
    expect((await writeResults([], itemOf, 'refused')).text).toBe('[]');
  });

  it('have no more than 16 MB together: those that find no room are refused, the others are there', async () => {
    const outcomes = [
      'x'.repeat(10 * MB),
      'y'.repeat(7 * MB),
      'small',
      'z'.repeat(5 * MB),
      'w'.repeat(2 * MB),
    ];
    const { text, written } = await writeResults(outcomes, itemOf, 'refused');
    const expected = outcomes.map((outcome, index) => ([1, 4].includes(index) ? 'refused' : outcome));
    expect(written).toEqual(expected);
    expect(JSON.parse(text)).toEqual(expected.map(itemOf));
  });

  it('let others in between', async () => {
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const busy = (outcome: number): object => {
      const until = performance.now() + 6;
      while (performance.now() < until);
      return { outcome };
    };
    await writeResults([1, 2, 3, 4], busy, 0);
    isOver = true;
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});
