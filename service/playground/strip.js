// @ts-check
import { el } from './dom.js';

const HEIGHT = 36;
const MAX_COLUMNS = 384;

/**
 * Many values at a glance: a column for each, or for some neighbours, up or down from zero.
 * @param {readonly number[]} values
 */
export function stripOf(values) {
  const columns = Math.min(values.length, MAX_COLUMNS);
  const canvas = el('canvas', { width: columns, height: HEIGHT });
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser has no 2D canvas');
  const largest = values.reduce((most, each) => Math.max(most, Math.abs(each)), 0) || 1;
  for (let column = 0; column < columns; column++) {
    const height = (farthest(values, column, columns) / largest) * (HEIGHT / 2);
    context.fillRect(column, HEIGHT / 2, 1, -height);
  }
  // A stencil for the colour that the page has, light or dark.
  const strip = el('div', { className: 'strip', role: 'img' });
  strip.setAttribute('aria-label', `${values.length} values, each a column up or down from zero`);
  strip.style.maskImage = `url(${canvas.toDataURL()})`;
  return strip;
}

/**
 * The value of a column: of its neighbours the one that is farthest from zero.
 * @param {readonly number[]} values
 * @param {number} column
 * @param {number} columns
 */
function farthest(values, column, columns) {
  const from = Math.floor((column * values.length) / columns);
  const to = Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns));
  return values.slice(from, to).reduce((most, each) => (Math.abs(each) > Math.abs(most) ? each : most), 0);
}
