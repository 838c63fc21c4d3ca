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

/** For each pixel along one axis the two cells between whose middles its own lies, and how much of the second it takes. */
interface Axis {
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly share: Float32Array;
}

/**
 * The best class of every pixel of a mask: scores are interpolated (bilinear, half-pixel centres: `align_corners=False`), then
 * compared, so that edges are not those of the grid. Source: Hugging Face transformers, `post_process_semantic_segmentation`.
 * Of equal scores the first class wins. One row of scores is interpolated at a time.
 */
export function classMap(grid: ScoreGrid, map: MaskToGrid, width: number, height: number): Uint8Array {
  const across = axis(width, map.scaleX, map.offsetX, grid.width);
  const down = axis(height, map.scaleY, map.offsetY, grid.height);
  const mask = new Uint8Array(width * height);
  const row = new Float32Array(grid.classes * grid.width);
  const best = new Float32Array(width);
  for (let y = 0; y < height; y++) {
    fillRow(row, grid, down, y);
    pickClasses(mask.subarray(y * width, (y + 1) * width), best, row, grid, across);
  }
  return mask;
}

/** Pixels beyond the middles of the outermost cells take these. */
function axis(pixels: number, scale: number, offset: number, cells: number): Axis {
  const at = Float64Array.from({ length: pixels }, (_, pixel) =>
    Math.min(Math.max((pixel + 0.5) * scale + offset - 0.5, 0), cells - 1),
  );
  const first = Uint32Array.from(at, Math.floor);
  return {
    first,
    second: first.map((cell) => Math.min(cell + 1, cells - 1)),
    share: Float32Array.from(at, (position) => position - Math.floor(position)),
  };
}

// By index and without checks: these loops run a hundred million times for a large mask of many classes.

function fillRow(
  row: Float32Array,
  { values, classes, width, height }: ScoreGrid,
  down: Axis,
  y: number,
): void {
  const share = down.share[y] as number;
  for (let classId = 0; classId < classes; classId++) {
    const above = (classId * height + (down.first[y] as number)) * width;
    const below = (classId * height + (down.second[y] as number)) * width;
    for (let x = 0; x < width; x++) {
      const score = values[above + x] as number;
      row[classId * width + x] = score + ((values[below + x] as number) - score) * share;
    }
  }
}

function pickClasses(
  mask: Uint8Array,
  best: Float32Array,
  row: Float32Array,
  { classes, width }: ScoreGrid,
  { first, second, share }: Axis,
): void {
  best.fill(Number.NEGATIVE_INFINITY);
  for (let classId = 0; classId < classes; classId++) {
    const from = classId * width;
    for (let x = 0; x < mask.length; x++) {
      const left = row[from + (first[x] as number)] as number;
      const score = left + ((row[from + (second[x] as number)] as number) - left) * (share[x] as number);
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
