import type { Colour } from './colours.js';

/** 8-bit RGB, row by row, no padding. */
export interface Canvas {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Whole pixels; may lie outside of the canvas, in part or wholly. */
export interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Coverage of each pixel, 0 to 255, row by row. */
export interface Stencil {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** @param opacity 0 to 1 */
export function fill(canvas: Canvas, area: Area, colour: Colour, opacity = 1): void {
  const { left, right, top, bottom } = inside(canvas, area);
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) blend(canvas, x, y, colour, opacity);
  }
}

/** The edges of an area, so many pixels wide, inwards; where it is smaller than that, all of it. */
export function outline(canvas: Canvas, area: Area, lineWidth: number, colour: Colour): void {
  const { x, y, width, height } = area;
  if (Math.min(width, height) <= 2 * lineWidth) {
    fill(canvas, area, colour);
    return;
  }
  const between = { y: y + lineWidth, height: height - 2 * lineWidth, width: lineWidth };
  fill(canvas, { x, y, width, height: lineWidth }, colour);
  fill(canvas, { x, y: y + height - lineWidth, width, height: lineWidth }, colour);
  fill(canvas, { ...between, x }, colour);
  fill(canvas, { ...between, x: x + width - lineWidth }, colour);
}

/** Colour through a stencil whose top left corner lies at x, y. */
export function stamp(canvas: Canvas, stencil: Stencil, x: number, y: number, colour: Colour): void {
  const { left, right, top, bottom } = inside(canvas, { ...stencil, x, y });
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const coverage = stencil.data[(row - y) * stencil.width + column - x] ?? 0;
      if (coverage > 0) blend(canvas, column, row, colour, coverage / 255);
    }
  }
}

export function disc(canvas: Canvas, x: number, y: number, radius: number, colour: Colour): void {
  const reach = Math.ceil(radius + 1);
  const size = 2 * reach + 1;
  const area = { x: Math.floor(x) - reach, y: Math.floor(y) - reach, width: size, height: size };
  const { left, right, top, bottom } = inside(canvas, area);
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const coverage = radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y);
      if (coverage > 0) blend(canvas, column, row, colour, Math.min(1, coverage));
    }
  }
}

interface Place {
  readonly x: number;
  readonly y: number;
}

/** From centre to centre, both on the canvas; costs no more than its length and width. */
export function line(canvas: Canvas, from: Place, to: Place, lineWidth: number, colour: Colour): void {
  const [across, down] = [to.x - from.x, to.y - from.y];
  const isFlat = Math.abs(across) >= Math.abs(down);
  const length = Math.hypot(across, down);
  if (length === 0) return;
  const [start, end] = (isFlat ? from.x <= to.x : from.y <= to.y) ? [from, to] : [to, from];
  const [begin, stop] = isFlat ? [start.x, end.x] : [start.y, end.y];
  const slope = isFlat ? (end.y - start.y) / (end.x - start.x) : (end.x - start.x) / (end.y - start.y);
  const offset = isFlat ? start.y : start.x;
  const half = (lineWidth / 2) * (length / (stop - begin));
  for (let step = Math.floor(begin); step < stop; step++) {
    const centre = offset + (step + 0.5 - begin) * slope;
    for (let side = Math.floor(centre - half); side < centre + half; side++) {
      const coverage = Math.min(side + 1, centre + half) - Math.max(side, centre - half);
      if (isFlat) blendInside(canvas, step, side, colour, coverage);
      else blendInside(canvas, side, step, colour, coverage);
    }
  }
}

function blendInside(canvas: Canvas, x: number, y: number, colour: Colour, opacity: number): void {
  if (x >= 0 && y >= 0 && x < canvas.width && y < canvas.height) blend(canvas, x, y, colour, opacity);
}

export function blend(
  { data, width }: Canvas,
  x: number,
  y: number,
  [red, green, blue]: Colour,
  opacity: number,
): void {
  const at = (y * width + x) * 3;
  data[at] = mixed(data[at] as number, red, opacity);
  data[at + 1] = mixed(data[at + 1] as number, green, opacity);
  data[at + 2] = mixed(data[at + 2] as number, blue, opacity);
}

function mixed(below: number, above: number, opacity: number): number {
  return Math.round(below + (above - below) * opacity);
}

function inside(canvas: Canvas, { x, y, width, height }: Area) {
  return {
    left: Math.max(0, x),
    top: Math.max(0, y),
    right: Math.min(canvas.width, x + width),
    bottom: Math.min(canvas.height, y + height),
  };
}
