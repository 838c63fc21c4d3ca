import type { Candidate, Candidates } from './candidates.js';

/** As Ultralytics has it: what is not among so many best ones is no object. */
const MAX_COMPARED = 30_000;

/** Above it a box is taken for the same object as a better one. */
export interface SuppressionOptions {
  /** Intersection over union, 0 to 1. */
  readonly iou: number;
  /** Most boxes that are kept. */
  readonly most: number;
  /** Whether boxes of other classes are suppressed as well. */
  readonly acrossClasses: boolean;
}

/**
 * Greedy non-maximum suppression (Neubeck and Van Gool, 2006): the best box stays, and whatever overlaps a kept one by more
 * than `iou` goes. A box is compared with kept ones alone, so that it costs candidates times `most` at the worst.
 * Positions of those that stay, best first.
 */
export function suppress(candidates: Candidates, { iou, most, acrossClasses }: SuppressionOptions): number[] {
  const { corners, classIds } = candidates;
  const kept: number[] = [];
  const keptOfClass = new Map<number, number[]>();
  for (const position of candidates.bestFirst().subarray(0, MAX_COMPARED)) {
    if (kept.length === most) break;
    const classId = acrossClasses ? 0 : (classIds[position] ?? 0);
    const better = keptOfClass.get(classId) ?? [];
    if (overlapsAny(corners, position, better, iou)) continue;
    kept.push(position);
    better.push(position);
    keptOfClass.set(classId, better);
  }
  return kept;
}

function overlapsAny(
  corners: Float64Array,
  position: number,
  others: readonly number[],
  iou: number,
): boolean {
  for (let at = 0; at < others.length; at++) {
    if (overlapAt(corners, position, others[at] as number) > iou) return true;
  }
  return false;
}

type Corners = Pick<Candidate, 'xMin' | 'yMin' | 'xMax' | 'yMax'>;

/** Intersection over union; 0 for boxes without area. */
export function overlap(one: Corners, other: Corners): number {
  const corners = [one, other].flatMap(({ xMin, yMin, xMax, yMax }) => [xMin, yMin, xMax, yMax]);
  return overlapAt(Float64Array.from(corners), 0, 1);
}

// By index and without checks: this runs for every candidate and every box that is kept.

function overlapAt(corners: Float64Array, one: number, other: number): number {
  const [a, b] = [4 * one, 4 * other];
  const width =
    Math.min(corners[a + 2] as number, corners[b + 2] as number) -
    Math.max(corners[a] as number, corners[b] as number);
  if (!(width > 0)) return 0;
  const height =
    Math.min(corners[a + 3] as number, corners[b + 3] as number) -
    Math.max(corners[a + 1] as number, corners[b + 1] as number);
  if (!(height > 0)) return 0;
  const shared = width * height;
  return shared / (areaAt(corners, a) + areaAt(corners, b) - shared);
}

function areaAt(corners: Float64Array, from: number): number {
  const width = (corners[from + 2] as number) - (corners[from] as number);
  return width * ((corners[from + 3] as number) - (corners[from + 1] as number));
}
