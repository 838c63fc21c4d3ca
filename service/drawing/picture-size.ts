interface Size {
  readonly width: number;
  readonly height: number;
}

/** Below this nobody reads a label: the pixels of a smaller image are repeated. */
const LEGIBLE_SIDE = 400;
/** Room for a label beside an image that is only a strip. */
const MIN_WIDTH = 160;
const MIN_HEIGHT = 64;
const MIN_TEXT_SIZE = 14;
const MAX_TEXT_SIZE = 36;
/** Of the side of a square with as many pixels. */
const TEXT_SHARE = 1 / 48;
const LINE_SHARE = 1 / 350;
const MIN_LINE_WIDTH = 2;

/** The size to which an image is reduced before it is drawn on, its proportions kept; undefined where it stays as it is. */
export function reducedTo({ width, height }: Size, maxSide: number): Size | undefined {
  const scale = maxSide / Math.max(width, height);
  if (scale >= 1) return undefined;
  const scaled = (side: number): number => Math.max(1, Math.round(side * scale));
  return { width: scaled(width), height: scaled(height) };
}

/** How often each pixel is repeated, across and down. */
export function enlargement({ width, height }: Size): number {
  return Math.max(1, Math.ceil(LEGIBLE_SIDE / Math.max(width, height)));
}

/** Everything that grows with a picture. */
export interface Layout {
  /** Pixels of the picture for one of the image that it is made of. */
  readonly enlargement: number;
  /** The image in the picture, whose top left corner is that of the picture. */
  readonly image: Size;
  /** The picture without its caption. */
  readonly canvas: Size;
  /** Height of a letter with what hangs below it, pixels. */
  readonly textSize: number;
  readonly lineWidth: number;
}

/** @param pixels the image as it was decoded */
export function layoutOf(pixels: Size): Layout {
  const times = enlargement(pixels);
  const image = { width: pixels.width * times, height: pixels.height * times };
  const canvas = { width: Math.max(MIN_WIDTH, image.width), height: Math.max(MIN_HEIGHT, image.height) };
  const side = Math.sqrt(canvas.width * canvas.height);
  return {
    enlargement: times,
    image,
    canvas,
    textSize: Math.round(Math.min(MAX_TEXT_SIZE, Math.max(MIN_TEXT_SIZE, side * TEXT_SHARE))),
    lineWidth: Math.max(MIN_LINE_WIDTH, Math.round(side * LINE_SHARE)),
  };
}
