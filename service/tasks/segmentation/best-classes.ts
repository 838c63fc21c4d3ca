import type { ScoreGrid } from './score-grid.js';

/** The best class of each cell, a row at a time and only of rows that are asked for; the last two are kept. */
export class BestClasses {
  readonly #grid: ScoreGrid;
  readonly #scores: Float32Array;
  /** Even rows, and odd ones. */
  readonly #kept: readonly { row: number; readonly classIds: Uint8Array }[];

  constructor(grid: ScoreGrid) {
    this.#grid = grid;
    this.#scores = new Float32Array(grid.width);
    this.#kept = [0, 1].map(() => ({ row: -1, classIds: new Uint8Array(grid.width) }));
  }

  /** Valid until two rows on. */
  ofRow(row: number): Uint8Array {
    const place = this.#kept[row & 1] as { row: number; classIds: Uint8Array };
    if (place.row !== row) this.#compute(row, place.classIds);
    place.row = row;
    return place.classIds;
  }

  /** Class by class, as scores lie; by index and without checks: a large grid of many classes has a hundred million. */
  #compute(row: number, classIds: Uint8Array): void {
    const { values, classes, width, height } = this.#grid;
    const best = this.#scores;
    best.set(values.subarray(row * width, (row + 1) * width));
    classIds.fill(0);
    for (let classId = 1; classId < classes; classId++) {
      const from = (classId * height + row) * width;
      for (let x = 0; x < width; x++) {
        const score = values[from + x] as number;
        if (score > (best[x] as number)) {
          best[x] = score;
          classIds[x] = classId;
        }
      }
    }
  }
}
