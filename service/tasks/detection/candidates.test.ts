import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CandidateOptions, Candidates } from './candidates.js';

const OPTIONS: CandidateOptions = { threshold: 0, scaleX: 1, scaleY: 1 };
const SCORES = [0, -0, 1e-40, 0.25, 0.5, 0.5000001, 0.9, 1];

/** Each a pixel large, with its position as index. */
function collected(scores: readonly number[], options: Partial<CandidateOptions> = {}): Candidates {
  const candidates = new Candidates({ ...OPTIONS, ...options });
  for (const [index, score] of scores.entries()) candidates.addCorners(index, index % 3, score, 0, 0, 1, 1);
  return candidates;
}

function indexesOf(candidates: Candidates): number[] {
  return [...candidates.bestFirst()].map((position) => candidates.at(position).index);
}

describe('candidates', () => {
  it('come best first, equal ones in the order of the model', () => {
    const score = fc.oneof(fc.constantFrom(...SCORES), fc.float({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(fc.array(score, { maxLength: 600 }), (given) => {
        const scores = given.map(Math.fround);
        const expected = [...scores.keys()].sort(
          (one, other) => (scores[other] ?? 0) - (scores[one] ?? 0) || one - other,
        );
        expect(indexesOf(collected(scores))).toEqual(expected);
      }),
    );
  });

  it('are kept from the threshold on, and of the classes that are wanted', () => {
    expect(indexesOf(collected([0.4, 0.5, 0.6], { threshold: 0.5 }))).toEqual([2, 1]);
    expect(indexesOf(collected([0.4, 0.5, 0.6], { keepsClass: (id) => id !== 2 }))).toEqual([1, 0]);
  });

  it('are in pixels of the input tensor, whatever the decoder counts in', () => {
    const candidates = new Candidates({ threshold: 0, scaleX: 200, scaleY: 100 });
    candidates.addCentre(7, 3, 0.5, 0.5, 0.5, 0.5, 1);
    expect(candidates.at(0)).toEqual({
      xMin: 50,
      yMin: 0,
      xMax: 150,
      yMax: 100,
      score: 0.5,
      classId: 3,
      index: 7,
    });
  });

  it.each<[string, Parameters<Candidates['addCorners']>]>([
    ['a score that is no number', [0, 0, Number.NaN, 0, 0, 1, 1]],
    ['a score without end', [0, 0, Number.POSITIVE_INFINITY, 0, 0, 1, 1]],
    ['a corner that is no number', [0, 0, 0.5, 0, Number.NaN, 1, 1]],
    ['a corner without end', [0, 0, 0.5, Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY, 1]],
    ['no width', [0, 0, 0.5, 1, 0, 1, 1]],
    ['a negative height', [0, 0, 0.5, 0, 1, 1, 0]],
    ['no class', [0, -1, 0.5, 0, 0, 1, 1]],
    ['a class that is no number', [0, Number.NaN, 0.5, 0, 0, 1, 1]],
  ])('are none with %s', (_, candidate) => {
    const candidates = new Candidates(OPTIONS);
    candidates.addCorners(...candidate);
    expect(candidates.bestFirst()).toHaveLength(0);
  });

  it('are a hundred thousand at most', () => {
    const candidates = new Candidates(OPTIONS);
    for (let index = 0; index < 100_010; index++) candidates.addCorners(index, 0, 0.5, 0, 0, 1, 1);
    expect(candidates.bestFirst()).toHaveLength(100_000);
  });
});
