import { type Area, blend, type Canvas, type Stencil } from './canvas.js';
import { colourOf } from './colours.js';

const OPACITY = 0.5;

/** Tints the pixels of an area by a stencil that is stretched over it. @param classOf undefined: left as it is */
export function tint(
  canvas: Canvas,
  mask: Stencil,
  area: Area,
  classOf: (value: number) => number | undefined,
): void {
  const colours = Array.from({ length: 256 }, (_, value) => {
    const classId = classOf(value);
    return classId === undefined ? undefined : colourOf(classId);
  });
  const right = Math.min(canvas.width, area.x + area.width);
  const bottom = Math.min(canvas.height, area.y + area.height);
  for (let y = Math.max(0, area.y); y < bottom; y++) {
    const row = Math.floor(((y + 0.5 - area.y) / area.height) * mask.height) * mask.width;
    for (let x = Math.max(0, area.x); x < right; x++) {
      const column = Math.floor(((x + 0.5 - area.x) / area.width) * mask.width);
      const colour = colours[mask.data[row + column] as number];
      if (colour !== undefined) blend(canvas, x, y, colour, OPACITY);
    }
  }
}
