import type { Axis } from './interpolation.js';

/**
 * Pixels of a mask between the middles of the same four cells of a grid; the far edges are not in it. All of them take shares of
 * the same four values, so that what is true of all four is true of the patch.
 */
export interface Patch {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The pixels of an axis with which patches begin, and its end. */
export function patchStarts({ first, second }: Axis): number[] {
  const starts: number[] = [];
  for (let pixel = 0; pixel < first.length; pixel++) {
    const isNext = first[pixel] !== first[pixel - 1] || second[pixel] !== second[pixel - 1];
    if (isNext) starts.push(pixel);
  }
  return [...starts, first.length];
}

/** Most patches are a few pixels wide, for which a loop takes less than a call. */
export function fillPatch(mask: Uint8Array, width: number, value: number, patch: Patch): void {
  const { left, top, right, bottom } = patch;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) mask[y * width + x] = value;
  }
}
