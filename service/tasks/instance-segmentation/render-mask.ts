import { type Axis, axisOf } from '../interpolation.js';
import { fillPatch, type Patch, patchStarts } from '../patches.js';
import type { Geometry } from '../task.js';
import type { MaskGrid } from './mask-decoder.js';
import type { MaskFrame } from './mask-frames.js';

/**
 * Which pixels of a mask belong to an object, row by row, 0 or 1: the grid's values are interpolated at their middles (bilinear),
 * then compared. Where all four cells around belong to it or none does, so do the pixels between.
 */
export function renderMask(grid: MaskGrid, frame: MaskFrame, { toImage }: Geometry): Uint8Array {
  const { xMin, yMin, xMax, yMax, width, height } = frame;
  // From the mask to the image, to the tensor, to cells.
  const toCellsX = grid.scaleX / toImage.scaleX;
  const toCellsY = grid.scaleY / toImage.scaleY;
  const across = axisOf(
    width,
    ((xMax - xMin) / width) * toCellsX,
    (xMin - toImage.offsetX) * toCellsX + grid.offsetX,
    grid.width,
  );
  const down = axisOf(
    height,
    ((yMax - yMin) / height) * toCellsY,
    (yMin - toImage.offsetY) * toCellsY + grid.offsetY,
    grid.height,
  );
  const mask = new Uint8Array(width * height);
  const columns = patchStarts(across);
  const rows = patchStarts(down);
  for (let r = 0; r + 1 < rows.length; r++) {
    const [top, bottom] = [rows[r] as number, rows[r + 1] as number];
    for (let c = 0; c + 1 < columns.length; c++) {
      const patch = { left: columns[c] as number, top, right: columns[c + 1] as number, bottom };
      const inside = countInside(grid, across, down, patch);
      if (inside === 4) fillPatch(mask, width, 1, patch);
      else if (inside > 0) fillEdge(mask, grid, across, down, patch);
    }
  }
  return mask;
}

/** Of the four cells of a patch. */
function countInside(
  { values, width, level }: MaskGrid,
  across: Axis,
  down: Axis,
  { left, top }: Patch,
): number {
  const [first, second] = [across.first[left] as number, across.second[left] as number];
  const above = (down.first[top] as number) * width;
  const below = (down.second[top] as number) * width;
  return (
    Number((values[above + first] as number) > level) +
    Number((values[above + second] as number) > level) +
    Number((values[below + first] as number) > level) +
    Number((values[below + second] as number) > level)
  );
}

/** Pixel by pixel. */
function fillEdge(mask: Uint8Array, grid: MaskGrid, across: Axis, down: Axis, patch: Patch): void {
  const { values, width, level } = grid;
  const { left, top, right, bottom } = patch;
  const [first, second] = [across.first[left] as number, across.second[left] as number];
  const above = (down.first[top] as number) * width;
  const below = (down.second[top] as number) * width;
  const [upper, lower] = [values[above + first] as number, values[below + first] as number];
  const upperStep = (values[above + second] as number) - upper;
  const lowerStep = (values[below + second] as number) - lower;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const share = across.share[x] as number;
      const start = upper + upperStep * share;
      const value = start + (lower + lowerStep * share - start) * (down.share[y] as number);
      mask[y * across.first.length + x] = Number(value > level);
    }
  }
}
