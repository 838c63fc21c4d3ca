// @ts-check
import { el } from './dom.js';

const OPACITY = 0.55;

/** @typedef {import('./colours.js').Colour} Colour */

/**
 * The grey levels of a PNG as colours.
 * @param {string} png base64
 * @param {(level: number) => Colour | undefined} colourOfLevel undefined: nothing is painted
 */
export async function paintedPng(png, colourOfLevel) {
  const { canvas, context } = await decoded(png);
  paint(context, levelsOf(context), colourOfLevel);
  return canvas;
}

/** @param {string} png base64 */
export async function decoded(png) {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }), {
    colorSpaceConversion: 'none',
  });
  const canvas = el('canvas', { width: image.width, height: image.height, className: 'mask' });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('this browser has no 2D canvas');
  context.drawImage(image, 0, 0);
  image.close();
  return { canvas, context };
}

/** @param {CanvasRenderingContext2D} context */
export function levelsOf(context) {
  const { data } = context.getImageData(0, 0, context.canvas.width, context.canvas.height);
  return Uint8Array.from({ length: data.length / 4 }, (_, at) => data[at * 4] ?? 0);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Uint8Array} levels row by row
 * @param {(level: number) => Colour | undefined} colourOfLevel
 */
export function paint(context, levels, colourOfLevel) {
  const { width, height } = context.canvas;
  const colours = Array.from({ length: 256 }, (_, level) => colourOfLevel(level));
  const pixels = context.createImageData(width, height);
  for (const [at, level] of levels.entries()) {
    const colour = colours[level];
    if (colour !== undefined) pixels.data.set([...colour, 255 * OPACITY], at * 4);
  }
  context.putImageData(pixels, 0, 0);
}
