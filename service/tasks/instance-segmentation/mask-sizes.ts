/** All masks of an answer together: as PNG at most a few hundred kilobytes, however ragged they are. */
const MAX_ANSWER_PIXELS = 2_000_000;

export interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * Sizes of the masks of an answer: as the regions that they cover, but no side longer than `longest`, and where they would be
 * too many pixels together, all smaller by the same factor.
 */
export function maskSizes(regions: readonly Size[], longest: number): Size[] {
  const wanted = regions.map((region) => scaled(region, longest / Math.max(region.width, region.height)));
  const pixels = wanted.reduce((sum, { width, height }) => sum + width * height, 0);
  return wanted.map((size) => scaled(size, Math.sqrt(MAX_ANSWER_PIXELS / pixels)));
}

/** Never larger, and never without a pixel. */
function scaled({ width, height }: Size, factor: number): Size {
  if (factor >= 1) return { width, height };
  return { width: Math.max(1, Math.floor(width * factor)), height: Math.max(1, Math.floor(height * factor)) };
}
