import type { Axis } from '../interpolation.js';
import type { ScoreGrid } from './score-grid.js';

/** Of a patch: the middles of four cells, upper left, upper right, lower left, lower right. */
const CORNERS = 4;

/**
 * Patches of a mask where classes meet, a row of them at a time: pixels between the middles of the same four cells, which have
 * not all the same best class. A class that one of these beats in all four is not looked at any more.
 * By index and without checks, as all that goes over scores; class by class, as these lie.
 */
export class BoundaryPatches {
  readonly #grid: ScoreGrid;
  readonly #across: Axis;
  readonly #down: Axis;
  readonly #mask: Uint8Array;
  #count = 0;
  /** Of each patch: its first pixel, and the one after its last. */
  readonly #lefts: Uint32Array;
  readonly #rights: Uint32Array;
  /** Of each corner: the best class, and its scores in all four. */
  readonly #best: Uint8Array;
  readonly #bestScores: Float32Array;
  /** Of each patch: the classes that could be the best of a pixel, in order, and how many they are. */
  readonly #contenders: Uint8Array;
  readonly #contenderCounts: Uint16Array;
  /** Of the contenders of one patch. */
  readonly #scores: Float32Array;

  constructor(grid: ScoreGrid, across: Axis, down: Axis, mask: Uint8Array) {
    const most = across.first.length;
    this.#grid = grid;
    this.#across = across;
    this.#down = down;
    this.#mask = mask;
    this.#lefts = new Uint32Array(most);
    this.#rights = new Uint32Array(most);
    this.#best = new Uint8Array(most * CORNERS);
    this.#bestScores = new Float32Array(most * CORNERS * CORNERS);
    this.#contenders = new Uint8Array(most * grid.classes);
    this.#contenderCounts = new Uint16Array(most);
    this.#scores = new Float32Array(grid.classes * CORNERS);
  }

  /**
   * A patch of the row that comes next, from the left to before the right pixel.
   * @param above the best class of each cell in the row of its upper corners
   * @param below and in that of its lower ones
   */
  add(left: number, right: number, above: Uint8Array, below: Uint8Array): void {
    const [first, second] = [this.#across.first[left] as number, this.#across.second[left] as number];
    const at = this.#count * CORNERS;
    this.#best[at] = above[first] as number;
    this.#best[at + 1] = above[second] as number;
    this.#best[at + 2] = below[first] as number;
    this.#best[at + 3] = below[second] as number;
    this.#lefts[this.#count] = left;
    this.#rights[this.#count] = right;
    this.#contenderCounts[this.#count] = 0;
    this.#count++;
  }

  /** Fills in the patches that were added, from the top to before the bottom pixel. */
  fillRow(top: number, bottom: number): void {
    for (let at = 0; at < this.#count * CORNERS; at++) {
      const patch = Math.floor(at / CORNERS);
      this.#readCorners(this.#best[at] as number, top, patch, this.#bestScores, at * CORNERS);
    }
    for (let classId = 0; classId < this.#grid.classes; classId++) this.#contend(classId, top);
    for (let patch = 0; patch < this.#count; patch++) this.#fill(patch, top, bottom);
    this.#count = 0;
  }

  /** Adds a class to the contenders of each patch in which it is beaten by none. */
  #contend(classId: number, top: number): void {
    const { classes } = this.#grid;
    for (let patch = 0; patch < this.#count; patch++) {
      this.#readCorners(classId, top, patch, this.#scores, 0);
      if (this.#isBeaten(classId, patch)) continue;
      const count = this.#contenderCounts[patch] as number;
      this.#contenders[patch * classes + count] = classId;
      this.#contenderCounts[patch] = count + 1;
    }
  }

  #readCorners(classId: number, top: number, patch: number, into: Float32Array, at: number): void {
    const { values, width, height } = this.#grid;
    const above = (classId * height + (this.#down.first[top] as number)) * width;
    const below = (classId * height + (this.#down.second[top] as number)) * width;
    const left = this.#lefts[patch] as number;
    const [first, second] = [this.#across.first[left] as number, this.#across.second[left] as number];
    into[at] = values[above + first] as number;
    into[at + 1] = values[above + second] as number;
    into[at + 2] = values[below + first] as number;
    into[at + 3] = values[below + second] as number;
  }

  /** Whether a best class is better in all four corners; of equal ones the first is. */
  #isBeaten(classId: number, patch: number): boolean {
    for (let at = patch * CORNERS; at < (patch + 1) * CORNERS; at++) {
      const best = this.#best[at] as number;
      if (best === classId) return false;
      let corner = 0;
      while (corner < CORNERS) {
        const lead = (this.#bestScores[at * CORNERS + corner] as number) - (this.#scores[corner] as number);
        if (lead < 0 || (lead === 0 && best > classId)) break;
        corner++;
      }
      if (corner === CORNERS) return true;
    }
    return false;
  }

  #fill(patch: number, top: number, bottom: number): void {
    const first = patch * this.#grid.classes;
    const contenders = this.#contenders.subarray(first, first + (this.#contenderCounts[patch] as number));
    for (let at = 0; at < contenders.length; at++)
      this.#readCorners(contenders[at] as number, top, patch, this.#scores, at * CORNERS);
    const width = this.#across.first.length;
    for (let y = top; y < bottom; y++) {
      for (let x = this.#lefts[patch] as number; x < (this.#rights[patch] as number); x++)
        this.#mask[y * width + x] = contenders[this.#bestAt(x, y, contenders.length)] as number;
    }
  }

  /** Which contender is the best of a pixel. */
  #bestAt(x: number, y: number, contenders: number): number {
    const [shareX, shareY] = [this.#across.share[x] as number, this.#down.share[y] as number];
    const scores = this.#scores;
    let best = 0;
    let highest = Number.NEGATIVE_INFINITY;
    for (let at = 0; at < contenders; at++) {
      const [upper, lower] = [scores[at * CORNERS] as number, scores[at * CORNERS + 2] as number];
      const above = upper + ((scores[at * CORNERS + 1] as number) - upper) * shareX;
      const below = lower + ((scores[at * CORNERS + 3] as number) - lower) * shareX;
      const score = above + (below - above) * shareY;
      if (score > highest) {
        highest = score;
        best = at;
      }
    }
    return best;
  }
}
