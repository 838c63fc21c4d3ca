import { type Area, type Canvas, disc, fill, line, outline } from './canvas.js';
import { BLACK, type Colour, colourOf } from './colours.js';
import { readGreyPng } from './grey-png.js';
import { type Label, writeLabels } from './labels.js';
import { tint } from './masks.js';
import { type Layout, layoutOf } from './picture-size.js';
import type {
  BoxShape,
  CaptionShape,
  ClassMapShape,
  DrawingOrder,
  MaskShape,
  PointsShape,
  Rectangle,
  Shape,
} from './shapes.js';
import { encode } from './sharp.js';
import { Texts } from './text.js';

/** What is beside an image, and below its caption. */
const BACKGROUND: Colour = [32, 32, 32];
const MAX_CAPTION_LINES = 20;
/** Of the width of a line. */
const POINT_RADIUS = 1.6;
/** Pixels of all masks together: a second of work. */
const MAX_MASK_PIXELS = 50_000_000;

/** An image in memory: 8-bit RGB, row by row. */
interface DecodedPixels {
  readonly data: ArrayBuffer;
  readonly width: number;
  readonly height: number;
}

/** The size in whose pixels shapes are. */
interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Draws on an image and encodes it. Shapes, or parts of them, that are outside of it or no numbers are left out.
 * @param pixels the image upright, reduced to the longest side that is wanted
 * @param image its size before that
 */
export async function drawPicture(
  pixels: DecodedPixels,
  image: ImageSize,
  { shapes, format }: Pick<DrawingOrder, 'shapes' | 'format'>,
): Promise<Uint8Array> {
  const layout = layoutOf(pixels);
  const texts = new Texts(layout.textSize, layout.canvas.width);
  const caption = shapes.filter((shape) => shape.kind === 'caption').flatMap(({ lines }) => lines);
  const lines = caption.slice(0, MAX_CAPTION_LINES);
  const canvas = canvasOf(pixels, layout, lines.length * texts.lineHeight);
  const part = { ...canvas, height: layout.canvas.height };
  await drawShapes(part, shapes, { ...layout, scale: scaleOf(image, layout) }, texts);
  await writeCaption(canvas, lines, layout.canvas.height, texts);
  return encode(canvas, format);
}

interface Drawing extends Layout {
  /** Pixels of the picture for one of those that shapes are in. */
  readonly scale: { readonly x: number; readonly y: number };
}

function scaleOf(image: ImageSize, layout: Layout): Drawing['scale'] {
  return { x: layout.image.width / image.width, y: layout.image.height / image.height };
}

/** The image at the top left, each pixel repeated, and room for the caption below. */
function canvasOf(
  pixels: DecodedPixels,
  { canvas, image, enlargement }: Layout,
  captionHeight: number,
): Canvas {
  const [width, height] = [canvas.width, canvas.height + captionHeight];
  const source = new Uint8Array(pixels.data, 0, pixels.width * pixels.height * 3);
  if (captionHeight === 0 && width === pixels.width && height === pixels.height)
    return { data: source, width, height };
  const data = new Uint8Array(width * height * 3);
  const target = { data, width, height };
  fill(target, { x: 0, y: 0, width, height }, BACKGROUND);
  for (let y = 0; y < image.height; y++) {
    const row = Math.floor(y / enlargement) * pixels.width;
    if (enlargement === 1) {
      data.set(source.subarray(row * 3, (row + pixels.width) * 3), y * width * 3);
      continue;
    }
    for (let x = 0; x < image.width; x++) {
      const from = (row + Math.floor(x / enlargement)) * 3;
      data.set(source.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return target;
}

/** Areas first, then lines, then points, and text over all of them; of each kind the most important last. */
async function drawShapes(
  canvas: Canvas,
  shapes: readonly Shape[],
  drawing: Drawing,
  texts: Texts,
): Promise<void> {
  const of = <Kind extends Shape['kind']>(kind: Kind) =>
    shapes.filter((shape): shape is Extract<Shape, { kind: Kind }> => shape.kind === kind).toReversed();
  for (const shape of of('class-map')) drawClassMap(canvas, shape, drawing);
  drawMasks(canvas, of('mask'), drawing);
  const boxes = of('box').flatMap((shape) => placed(shape, drawing));
  for (const { box, classId } of boxes) outline(canvas, box, drawing.lineWidth, colourOf(classId));
  for (const shape of of('points')) drawPoints(canvas, shape, drawing);
  await writeLabels(canvas, boxes.toReversed(), drawing.lineWidth, texts);
}

function drawClassMap(canvas: Canvas, { png, without }: ClassMapShape, { image }: Drawing): void {
  const skipped = new Set(without);
  tint(canvas, readGreyPng(png), { x: 0, y: 0, ...image }, (value) =>
    skipped.has(value) ? undefined : value,
  );
}

function drawMasks(canvas: Canvas, masks: readonly MaskShape[], drawing: Drawing): void {
  let left = MAX_MASK_PIXELS;
  for (const { png, box, classId } of masks) {
    const area = areaOf(box, drawing);
    if (area === undefined || area.width * area.height > left) continue;
    left -= area.width * area.height;
    tint(canvas, readGreyPng(png), area, (value) => (value === 0 ? undefined : classId));
  }
}

function placed({ box, text, classId }: BoxShape, drawing: Drawing): Label[] {
  const area = areaOf(box, drawing);
  return area === undefined ? [] : [{ box: area, text, classId }];
}

/** Whole pixels of the picture, clipped to the image, a line wide at least; undefined where nothing of it is there. */
function areaOf(box: Rectangle, { scale, image, lineWidth }: Drawing): Area | undefined {
  // What is no number is null once it has been JSON, and null times something would be 0.
  if (!Object.values(box).every(Number.isFinite)) return undefined;
  const across = spanOf(box.x_min * scale.x, box.x_max * scale.x, image.width, lineWidth);
  const down = spanOf(box.y_min * scale.y, box.y_max * scale.y, image.height, lineWidth);
  if (across === undefined || down === undefined) return undefined;
  return { x: across.start, width: across.length, y: down.start, height: down.length };
}

function spanOf(
  from: number,
  to: number,
  size: number,
  least: number,
): { start: number; length: number } | undefined {
  if (from >= size || to <= 0 || from > to) return undefined;
  const end = Math.min(size, Math.max(Math.round(to), Math.round(from) + least));
  const start = Math.max(0, Math.min(Math.round(from), end - least));
  return { start, length: end - start };
}

function drawPoints(canvas: Canvas, { points, edges, classId }: PointsShape, drawing: Drawing): void {
  const { lineWidth } = drawing;
  const places = points.map((point) => placeOf(point, drawing));
  const colour = colourOf(classId);
  for (const [one, other] of edges) {
    const [from, to] = [places[one], places[other]];
    if (from && to) line(canvas, from, to, lineWidth, colour);
  }
  for (const place of places) {
    if (place === undefined) continue;
    disc(canvas, place.x, place.y, lineWidth * POINT_RADIUS + 1, BLACK);
    disc(canvas, place.x, place.y, lineWidth * POINT_RADIUS, colour);
  }
}

/** Undefined where it is outside of the image. */
function placeOf(
  { x, y }: PointsShape['points'][number],
  { scale, image }: Drawing,
): { x: number; y: number } | undefined {
  if (!Number.isFinite(x) || !Number.isFinite(y)) return undefined;
  const place = { x: x * scale.x, y: y * scale.y };
  const isInside = place.x >= 0 && place.y >= 0 && place.x <= image.width && place.y <= image.height;
  return isInside ? place : undefined;
}

async function writeCaption(
  canvas: Canvas,
  lines: CaptionShape['lines'],
  top: number,
  texts: Texts,
): Promise<void> {
  for (const [index, { text, classId }] of lines.entries()) {
    const y = top + index * texts.lineHeight;
    const ink = await texts.render(text);
    fill(canvas, { x: 0, y, width: texts.padding * 2, height: texts.lineHeight }, colourOf(classId));
    if (ink !== undefined) texts.write(canvas, ink, texts.padding * 2, y, BACKGROUND);
  }
}
