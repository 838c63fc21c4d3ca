/**
 * For each pixel along one axis the two cells of a grid between whose middles its own lies, and how much of the second it takes:
 * bilinear interpolation with half-pixel centres (`align_corners=False`). Both are the same cell where it takes nothing of a second.
 */
export interface Axis {
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly share: Float32Array;
}

/**
 * Pixels beyond the middles of the outermost cells take these.
 * @param scale cells to a pixel
 * @param offset of the first pixel's edge, cells
 */
export function axisOf(pixels: number, scale: number, offset: number, cells: number): Axis {
  const first = new Uint32Array(pixels);
  const second = new Uint32Array(pixels);
  const share = new Float32Array(pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const at = Math.min(Math.max((pixel + 0.5) * scale + offset - 0.5, 0), cells - 1);
    first[pixel] = Math.floor(at);
    second[pixel] = Math.ceil(at);
    share[pixel] = at - Math.floor(at);
  }
  return { first, second, share };
}
