import type { CoordinateMap } from '../../preprocess/geometry.js';
import { axisOf } from '../interpolation.js';
import { fillPatch, patchStarts } from '../patches.js';
import { BestClasses } from './best-classes.js';
import { BoundaryPatches } from './boundary-patches.js';
import type { ScoreGrid } from './score-grid.js';

/** Where the pixels of a mask lie on the grid: `pixel * scale + offset`, along each axis, in cells. */
export type MaskToGrid = CoordinateMap;

/**
 * The best class of every pixel of a mask: scores are interpolated (bilinear, half-pixel centres: `align_corners=False`), then
 * compared, so that edges are not those of the grid. Source: Hugging Face transformers, `post_process_semantic_segmentation`.
 * Of equal scores the first class wins.
 *
 * Between the middles of four cells every class takes the same shares of its four scores. So a class that is better than
 * another in all four is better everywhere between them: where one class is the best in all four it is that of the whole patch,
 * which most of a mask is.
 */
export function classMap(grid: ScoreGrid, map: MaskToGrid, width: number, height: number): Uint8Array {
  const across = axisOf(width, map.scaleX, map.offsetX, grid.width);
  const down = axisOf(height, map.scaleY, map.offsetY, grid.height);
  const mask = new Uint8Array(width * height);
  const best = new BestClasses(grid);
  const boundary = new BoundaryPatches(grid, across, down, mask);
  const columns = patchStarts(across);
  const rows = patchStarts(down);
  for (let r = 0; r + 1 < rows.length; r++) {
    const [top, bottom] = [rows[r] as number, rows[r + 1] as number];
    const above = best.ofRow(down.first[top] as number);
    const below = best.ofRow(down.second[top] as number);
    for (let c = 0; c + 1 < columns.length; c++) {
      const [left, right] = [columns[c] as number, columns[c + 1] as number];
      const [first, second] = [across.first[left] as number, across.second[left] as number];
      const best = above[first] as number;
      const isWhole = above[second] === best && below[first] === best && below[second] === best;
      if (isWhole) fillPatch(mask, width, best, { left, top, right, bottom });
      else boundary.add(left, right, above, below);
    }
    boundary.fillRow(top, bottom);
  }
  return mask;
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
