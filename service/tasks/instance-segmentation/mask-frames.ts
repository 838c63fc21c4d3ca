import type { Box } from '../detection/objects.js';
import type { Geometry } from '../task.js';

/** All masks of an answer together: as PNG at most a few hundred kilobytes, however ragged they are. */
const MAX_ANSWER_PIXELS = 2_000_000;

/** What a mask covers, whole pixels of the image without the far edges, and how many pixels it has itself. */
export interface MaskFrame {
  readonly xMin: number;
  readonly yMin: number;
  readonly xMax: number;
  readonly yMax: number;
  readonly width: number;
  readonly height: number;
}

/**
 * A mask for each box of an answer, as large as what it covers, but no side longer than `longest`, and where they would be too
 * many pixels together, all smaller by the same factor.
 */
export function maskFrames(boxes: readonly Box[], image: Geometry, longest: number): MaskFrame[] {
  const wanted = boxes
    .map((box) => frameOver(box, image))
    .map((frame) => scaled(frame, longest / Math.max(frame.width, frame.height)));
  const pixels = wanted.reduce((sum, { width, height }) => sum + width * height, 0);
  return wanted.map((frame) => scaled(frame, Math.sqrt(MAX_ANSWER_PIXELS / pixels)));
}

/** Over the pixels whose middles are in the box; one at least. */
function frameOver(box: Box, image: Geometry): MaskFrame {
  const xMin = Math.min(Math.round(box.x_min), image.width - 1);
  const yMin = Math.min(Math.round(box.y_min), image.height - 1);
  const xMax = Math.max(Math.round(box.x_max), xMin + 1);
  const yMax = Math.max(Math.round(box.y_max), yMin + 1);
  return { xMin, yMin, xMax, yMax, width: xMax - xMin, height: yMax - yMin };
}

/** Never larger, and never without a pixel. */
function scaled(frame: MaskFrame, factor: number): MaskFrame {
  if (factor >= 1) return frame;
  const [width, height] = [frame.width, frame.height].map((side) => Math.max(1, Math.floor(side * factor)));
  return { ...frame, width: width ?? 1, height: height ?? 1 };
}
