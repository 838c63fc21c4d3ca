import type { Area, Canvas, Stencil } from './canvas.js';
import { colourOf } from './colours.js';
import type { Texts } from './text.js';

/** A text that belongs to a box. */
export interface Label {
  readonly text: string;
  readonly classId: number;
  readonly box: Area;
}

/** Of a place over the edge of another box, and of each that is further from the usual one. */
const EDGE_COST = 1;
const OTHER_PLACE_COST = 0.5;

/**
 * Writes labels beside their boxes, the first ones at the best places. Each lies inside the canvas, none over another or
 * over the middle of any box: one that finds no place is left out, so that in a crowd the boxes are seen.
 */
export async function writeLabels(
  canvas: Canvas,
  labels: readonly Label[],
  lineWidth: number,
  texts: Texts,
): Promise<void> {
  const written: Area[] = [];
  const boxes = labels.map(({ box }) => box);
  for (const { text, classId, box } of labels) {
    const ink = await texts.render(text);
    const place = ink && placeFor(box, sizeOf(ink, texts), { canvas, boxes, written, lineWidth });
    if (ink === undefined || place === undefined) continue;
    texts.write(canvas, ink, place.x, place.y, colourOf(classId));
    written.push(place);
  }
}

function sizeOf(ink: Stencil, texts: Texts): { width: number; height: number } {
  return { width: texts.widthOf(ink), height: texts.lineHeight };
}

interface Surroundings {
  readonly canvas: Canvas;
  readonly boxes: readonly Area[];
  readonly written: readonly Area[];
  readonly lineWidth: number;
}

function placeFor(
  box: Area,
  size: { readonly width: number; readonly height: number },
  { canvas, boxes, written, lineWidth }: Surroundings,
): Area | undefined {
  let best: Area | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [rank, { x, y }] of placesBeside(box, size, lineWidth).entries()) {
    const place = { ...size, x: within(x, size.width, canvas.width), y };
    if (y < 0 || y + size.height > canvas.height) continue;
    if (written.some((each) => overlap(each, place)) || boxes.some((each) => overlap(middleOf(each), place)))
      continue;
    const edges = boxes.filter((each) => each !== box && crosses(each, place)).length;
    const cost = edges * EDGE_COST + rank * OTHER_PLACE_COST;
    if (cost < least) [best, least] = [place, cost];
  }
  return best;
}

/** Above, inside at the top, below, inside at the bottom; each at the left and at the right. */
function placesBeside(
  { x, y, width, height }: Area,
  size: { readonly width: number; readonly height: number },
  lineWidth: number,
): { x: number; y: number }[] {
  const rows = [y - size.height, y + lineWidth, y + height, y + height - lineWidth - size.height];
  return rows.flatMap((row, index) => {
    const inset = index % 2 === 1 ? lineWidth : 0;
    return [
      { x: x + inset, y: row },
      { x: x + width - size.width - inset, y: row },
    ];
  });
}

function within(at: number, size: number, most: number): number {
  return Math.max(0, Math.min(at, most - size));
}

function overlap(one: Area, other: Area): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}

function middleOf({ x, y, width, height }: Area): Area {
  return { x: x + width / 2, y: y + height / 2, width: 0, height: 0 };
}

/** Whether an edge of the box runs through the area. */
function crosses(box: Area, area: Area): boolean {
  const holds =
    box.x <= area.x &&
    box.y <= area.y &&
    box.x + box.width >= area.x + area.width &&
    box.y + box.height >= area.y + area.height;
  return overlap(box, area) && !holds;
}
