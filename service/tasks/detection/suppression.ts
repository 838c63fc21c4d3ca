import type { Candidate } from './candidates.js';

/** Above it a box is taken for the same object as a better one. */
export interface SuppressionOptions {
  /** Intersection over union, 0 to 1. */
  readonly iou: number;
  /** Most boxes that are kept. */
  readonly most: number;
  /** Whether boxes of other classes are suppressed as well. */
  readonly acrossClasses: boolean;
}

/** The better first; equal ones in the order of the model. */
export function byScore(one: Candidate, other: Candidate): number {
  return other.score - one.score || one.index - other.index;
}

/**
 * Greedy non-maximum suppression (Neubeck and Van Gool, 2006): the best box stays, and whatever overlaps a kept one by more
 * than `iou` goes. A box is compared with kept ones alone, so that it costs candidates times `most` at the worst.
 */
export function suppress(candidates: readonly Candidate[], options: SuppressionOptions): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of candidates.toSorted(byScore)) {
    if (kept.length === options.most) break;
    const isDouble = kept.some(
      (better) =>
        (options.acrossClasses || better.classId === candidate.classId) &&
        overlap(better, candidate) > options.iou,
    );
    if (!isDouble) kept.push(candidate);
  }
  return kept;
}

/** Intersection over union; 0 for boxes without area. */
export function overlap(one: Candidate, other: Candidate): number {
  const width = Math.min(one.xMax, other.xMax) - Math.max(one.xMin, other.xMin);
  const height = Math.min(one.yMax, other.yMax) - Math.max(one.yMin, other.yMin);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (areaOf(one) + areaOf(other) - shared);
}

function areaOf({ xMin, yMin, xMax, yMax }: Candidate): number {
  return (xMax - xMin) * (yMax - yMin);
}
