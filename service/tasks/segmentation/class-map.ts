import type { CoordinateMap } from '../../preprocess/geometry.js';

/** Scores of every class at every cell of a grid over the input tensor. */
export interface ScoreGrid {
  /** Class by class, row by row. */
  readonly values: Float32Array;
  readonly classes: number;
  readonly width: number;
  readonly height: number;
}

/** Where the pixels of a mask lie on the grid: `pixel * scale + offset`, along each axis, in cells. */
export type MaskToGrid = CoordinateMap;

/** Two neighbouring cells, and how much of the second. */
interface Between {
  readonly first: number;
  readonly second: number;
  readonly share: number;
}

/**
 * The best class of every pixel of a mask: scores are interpolated (bilinear, half-pixel centres: `align_corners=False`), then
 * compared, so that edges are not those of the grid. Source: Hugging Face transformers, `post_process_semantic_segmentation`.
 * Of equal scores the first class wins. One row of scores is interpolated at a time.
 */
export function classMap(grid: ScoreGrid, map: MaskToGrid, width: number, height: number): Uint8Array {
  const across = Array.from({ length: width }, (_, x) => between(x, map.scaleX, map.offsetX, grid.width));
  const mask = new Uint8Array(width * height);
  const row = new Float32Array(grid.classes * grid.width);
  const best = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    fillRow(row, grid, between(y, map.scaleY, map.offsetY, grid.height));
    pickClasses(mask.subarray(y * width, (y + 1) * width), best, row, grid, across);
  }
  return mask;
}

/** Where the middle of a pixel lies between the middles of two cells; at the edge, on the outermost. */
function between(pixel: number, scale: number, offset: number, cells: number): Between {
  const at = Math.min(Math.max((pixel + 0.5) * scale + offset - 0.5, 0), cells - 1);
  const first = Math.floor(at);
  return { first, second: Math.min(first + 1, cells - 1), share: at - first };
}

function fillRow(row: Float32Array, { values, classes, width, height }: ScoreGrid, at: Between): void {
  for (let classId = 0; classId < classes; classId++) {
    const above = (classId * height + at.first) * width;
    const below = (classId * height + at.second) * width;
    for (let x = 0; x < width; x++) {
      const score = values[above + x] as number;
      row[classId * width + x] = score + ((values[below + x] as number) - score) * at.share;
    }
  }
}

function pickClasses(
  mask: Uint8Array,
  best: Float32Array,
  row: Float32Array,
  { classes, width }: ScoreGrid,
  across: readonly Between[],
): void {
  best.fill(Number.NEGATIVE_INFINITY);
  for (let classId = 0; classId < classes; classId++) {
    const from = classId * width;
    for (let x = 0; x < across.length; x++) {
      const { first, second, share } = across[x] as Between;
      const left = row[from + first] as number;
      const score = left + ((row[from + second] as number) - left) * share;
      if (score > (best[x] as number)) {
        best[x] = score;
        mask[x] = classId;
      }
    }
  }
}

/** The same for a model that gives the class of each cell itself: the class of the nearest one. */
export function nearestClasses(
  cells: ArrayLike<number>,
  gridWidth: number,
  gridHeight: number,
  map: MaskToGrid,
  width: number,
  height: number,
): Uint8Array {
  const nearest = (pixel: number, scale: number, offset: number, size: number): number =>
    Math.min(Math.max(Math.floor((pixel + 0.5) * scale + offset), 0), size - 1);
  const columns = Uint32Array.from({ length: width }, (_, x) =>
    nearest(x, map.scaleX, map.offsetX, gridWidth),
  );
  const mask = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = nearest(y, map.scaleY, map.offsetY, gridHeight) * gridWidth;
    for (let x = 0; x < width; x++) mask[y * width + x] = cells[row + (columns[x] ?? 0)] ?? 0;
  }
  return mask;
}
