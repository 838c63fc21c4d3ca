import { type Canvas, fill, type Stencil, stamp } from './canvas.js';
import { type Colour, contrastTo } from './colours.js';
import { renderText } from './sharp.js';

const MAX_CHARACTERS = 48;
/** Texts of one picture that are rendered, a millisecond each; the same text is rendered once. */
const MAX_TEXTS = 400;
/** What no font has a picture for, or what changes the direction or the line of what follows. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\s]+/gu;
/** Of the size of the font. */
const LINE_HEIGHT = 1.5;
const PADDING = 0.3;
/** A mark above a mark above a letter: beyond this, text is cut. */
const MAX_INK_HEIGHT = 1.2;

/** Texts of one picture in one size. */
export class Texts {
  /** Of a line with what is around it, pixels. */
  readonly lineHeight: number;
  readonly #size: number;
  readonly #maxWidth: number;
  readonly #rendered = new Map<string, Stencil | undefined>();

  /** @param maxWidth of a line with what is around it, pixels; what is longer is cut */
  constructor(size: number, maxWidth: number) {
    this.#size = size;
    this.#maxWidth = maxWidth;
    this.lineHeight = Math.round(size * LINE_HEIGHT);
  }

  get padding(): number {
    return Math.round(this.#size * PADDING);
  }

  /** Undefined of a text without ink, or where there are too many already. */
  async render(text: string): Promise<Stencil | undefined> {
    const line = printable(text);
    if (!this.#rendered.has(line)) {
      const isWanted = line !== '' && this.#rendered.size < MAX_TEXTS;
      this.#rendered.set(line, isWanted ? this.#cut(await inkOf(line, this.#size)) : undefined);
    }
    return this.#rendered.get(line);
  }

  widthOf(ink: Stencil): number {
    return ink.width + 2 * this.padding;
  }

  /** A line on a background of a colour. */
  write(canvas: Canvas, ink: Stencil, x: number, y: number, background: Colour): void {
    fill(canvas, { x, y, width: this.widthOf(ink), height: this.lineHeight }, background);
    stamp(canvas, ink, x + this.padding, y + this.padding, contrastTo(background));
  }

  #cut(ink: Stencil | undefined): Stencil | undefined {
    if (ink === undefined) return undefined;
    const width = Math.min(ink.width, this.#maxWidth - 2 * this.padding);
    const height = Math.min(ink.height, Math.round(this.#size * MAX_INK_HEIGHT));
    if (width === ink.width && height === ink.height) return ink;
    const data = new Uint8Array(width * height);
    for (let row = 0; row < height; row++) {
      const at = row * ink.width;
      data.set(ink.data.subarray(at, at + width), row * width);
    }
    return { data, width, height };
  }
}

/** One line of bounded length; the end, where the score is, stays. */
function printable(text: string): string {
  const characters = [...text.replace(UNPRINTABLE, ' ').trim()];
  if (characters.length <= MAX_CHARACTERS) return characters.join('');
  const kept = MAX_CHARACTERS - 1;
  const end = characters.slice(-Math.floor(kept / 4));
  return [...characters.slice(0, kept - end.length), '…', ...end].join('');
}

async function inkOf(text: string, size: number): Promise<Stencil | undefined> {
  try {
    return await renderText(text, size);
  } catch {
    // Text without any ink is an error to the library.
    return undefined;
  }
}
