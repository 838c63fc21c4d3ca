import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, Candidates } from './candidates.js';
import { overlap, type SuppressionOptions, suppress as suppressed } from './suppression.js';

const OPTIONS = { iou: 0.5, most: 100, acrossClasses: false };

function box(xMin: number, yMin: number, size: number, score: number, classId = 0, index = 0): Candidate {
  return { xMin, yMin, xMax: xMin + size, yMax: yMin + size, score, classId, index };
}

/** Which of them stay, best first. */
function suppress(candidates: readonly Candidate[], options: SuppressionOptions): Candidate[] {
  const all = new Candidates({ threshold: 0, scaleX: 1, scaleY: 1 });
  for (const { index, classId, score, xMin, yMin, xMax, yMax } of candidates)
    all.addCorners(index, classId, score, xMin, yMin, xMax, yMax);
  return suppressed(all, options).map((position) => candidates[position] as Candidate);
}

const boxes = fc.array(
  fc
    .tuple(
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 0, max: 2 }),
    )
    .map(([x, y, size, score, classId]) => box(x, y, size, score / 1000, classId)),
  { maxLength: 60 },
);

describe('overlap', () => {
  it('is intersection over union', () => {
    expect(overlap(box(0, 0, 10, 1), box(0, 0, 10, 1))).toBe(1);
    expect(overlap(box(0, 0, 10, 1), box(5, 0, 10, 1))).toBeCloseTo(50 / 150);
    expect(overlap(box(0, 0, 10, 1), box(10, 0, 10, 1))).toBe(0);
    expect(overlap(box(3, 3, 0, 1), box(0, 0, 10, 1))).toBe(0);
  });
});

describe('suppress', () => {
  it('keeps the best of what overlaps, and what does not', () => {
    const candidates = [box(1, 0, 10, 0.6), box(0, 0, 10, 0.9), box(50, 50, 10, 0.3)];
    expect(suppress(candidates, OPTIONS).map(({ score }) => score)).toEqual([0.9, 0.3]);
  });

  it('suppresses within a class alone, unless it is told otherwise', () => {
    const candidates = [box(0, 0, 10, 0.9, 0), box(0, 0, 10, 0.8, 1)];
    expect(suppress(candidates, OPTIONS)).toHaveLength(2);
    expect(suppress(candidates, { ...OPTIONS, acrossClasses: true })).toHaveLength(1);
  });

  it('leaves two whose overlap is just the limit', () => {
    const candidates = [box(0, 0, 10, 0.9), box(0, 0, 10, 0.8)];
    expect(suppress(candidates, { ...OPTIONS, iou: 1 })).toHaveLength(2);
  });

  it('keeps no two of a class that overlap too much, and drops none without a better one that does', () => {
    fc.assert(
      fc.property(boxes, (candidates) => {
        const kept = suppress(candidates, OPTIONS);
        const clashes = (one: Candidate, other: Candidate): boolean =>
          one !== other && one.classId === other.classId && overlap(one, other) > OPTIONS.iou;
        expect(kept.some((one) => kept.some((other) => clashes(one, other)))).toBe(false);
        const dropped = candidates.filter((candidate) => !kept.includes(candidate));
        for (const one of dropped) {
          expect(kept.some((better) => better.score >= one.score && clashes(better, one))).toBe(true);
        }
      }),
    );
  });

  it('keeps no more than asked for, the best ones', () => {
    fc.assert(
      fc.property(boxes, (candidates) => {
        const all = suppress(candidates, OPTIONS);
        expect(suppress(candidates, { ...OPTIONS, most: 3 })).toEqual(all.slice(0, 3));
      }),
    );
  });
});
