/**
 * For each pixel along one axis the two cells of a grid between whose middles its own lies, and how much of the second it takes:
 * bilinear interpolation with half-pixel centres (`align_corners=False`).
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
