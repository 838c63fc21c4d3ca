import { createRequire } from 'node:module';
import sharp, { type Sharp } from 'sharp';
import type { Canvas, Stencil } from './canvas.js';
import type { PictureFormat } from './shapes.js';

/** Covers European scripts, Arabic, Hebrew and Georgian; what it lacks is taken from the fonts of the machine, if any. */
const FONT_FILE = createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');
const FONT = 'DejaVu Sans';
/** One pixel a point. */
const DPI = 72;

/** Text is small and its edges are hard: colours are not sampled down in JPEG, and PNG is not pressed for the last byte. */
const ENCODERS: Readonly<Record<PictureFormat, (image: Sharp) => Sharp>> = {
  jpeg: (image) => image.jpeg({ quality: 90, chromaSubsampling: '4:4:4' }),
  png: (image) => image.png({ compressionLevel: 4 }),
  webp: (image) => image.webp({ quality: 90, effort: 1 }),
};

/**
 * One line of text, cut at its ink.
 * @param size of the font, pixels
 */
export async function renderText(text: string, size: number): Promise<Stencil> {
  const markup = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const { data, info } = await sharp({
    text: { text: markup, font: `${FONT} ${size}`, fontfile: FONT_FILE, dpi: DPI, wrap: 'none' },
  })
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

/** A canvas as a file. */
export function encode({ data, width, height }: Canvas, format: PictureFormat): Promise<Uint8Array> {
  const image = sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });
  return ENCODERS[format](image).toBuffer();
}
