import { axisOf } from '../interpolation.js';
import type { Geometry } from '../task.js';
import type { MaskGrid } from './mask-decoder.js';
import type { MaskFrame } from './mask-frames.js';

/**
 * Which pixels of a mask belong to an object, row by row, 0 or 1: the grid's values are interpolated at their middles (bilinear),
 * then compared.
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
  const row = new Float32Array(grid.width);
  for (let y = 0; y < height; y++) {
    const above = (down.first[y] as number) * grid.width;
    const below = (down.second[y] as number) * grid.width;
    const share = down.share[y] as number;
    for (let x = 0; x < row.length; x++) {
      const value = grid.values[above + x] as number;
      row[x] = value + ((grid.values[below + x] as number) - value) * share;
    }
    for (let x = 0; x < width; x++) {
      const left = row[across.first[x] as number] as number;
      const right = row[across.second[x] as number] as number;
      if (left + (right - left) * (across.share[x] as number) > grid.level) mask[y * width + x] = 1;
    }
  }
  return mask;
}
