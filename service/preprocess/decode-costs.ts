import type { PictureFormat } from '../drawing/shapes.js';
import type { ImageFormat } from './image.js';

/** What costs differently. `thread`: a JPEG that the thread which runs the model decodes. */
export type CostKind = ImageFormat | 'thread';

/** Nanoseconds a pixel as measured on a photograph of 640x480 and more (2 cores, `bench/decode.ts`), rather too much. */
const PRIOR_NS_PER_PIXEL: Readonly<Record<CostKind, number>> = {
  thread: 5,
  jpeg: 12,
  png: 30,
  webp: 25,
  avif: 60,
  gif: 30,
  tiff: 15,
};
/** Drawing on pixels and encoding them, with some dozens of labels. */
const PRIOR_DRAW_NS_PER_PIXEL: Readonly<Record<PictureFormat, number>> = { jpeg: 60, png: 100, webp: 90 };
/** What an image costs beside its pixels: the way to the process and back. */
const FIXED_MS = 1;
/** Smaller ones say more of that than of their pixels. */
const MIN_PIXELS_TO_LEARN = 50_000;
/** No file, however odd, moves the figure further than this from the prior. */
const MOST_FACTOR = 4;
/** A dearer image counts at once, a cheaper one by this share: the estimate errs to the careful side. */
const FALL_SHARE = 1 / 16;

/** What something is expected to cost, by kind and pixels, learned from what was done. */
class Costs<Kind extends string> {
  readonly #prior: Readonly<Record<Kind, number>>;
  readonly #nsPerPixel: Record<Kind, number>;

  constructor(prior: Readonly<Record<Kind, number>>) {
    this.#prior = prior;
    this.#nsPerPixel = { ...prior };
  }

  /** @param pixels counted as often as the format walks over them */
  estimateMs(kind: Kind, pixels: number): number {
    return FIXED_MS + (pixels * this.#nsPerPixel[kind]) / 1e6;
  }

  observe(kind: Kind, pixels: number, tookMs: number): void {
    if (pixels < MIN_PIXELS_TO_LEARN) return;
    const prior = this.#prior[kind];
    const known = this.#nsPerPixel[kind];
    const seen = Math.min(MOST_FACTOR * prior, (Math.max(0, tookMs - FIXED_MS) * 1e6) / pixels);
    this.#nsPerPixel[kind] = seen > known ? seen : known + (seen - known) * FALL_SHARE;
  }
}

export class DecodeCosts extends Costs<CostKind> {
  constructor() {
    super(PRIOR_NS_PER_PIXEL);
  }
}

/** Of drawing and encoding, by the pixels of the picture. */
export class DrawCosts extends Costs<PictureFormat> {
  constructor() {
    super(PRIOR_DRAW_NS_PER_PIXEL);
  }
}
