import fc from 'fast-check';
import { expect, it } from 'vitest';
import { renderMask } from './render-mask.js';

const WIDTH = 6;
const HEIGHT = 5;
const SIZE = { width: 24, height: 20 };
/** A cell is four pixels. */
const FRAME = { xMin: 0, yMin: 0, xMax: 24, yMax: 20, ...SIZE };
const GEOMETRY = {
  ...SIZE,
  tensor: SIZE,
  toImage: { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 },
};

/** Pixel by pixel, without any short cut. */
function slowly(values: readonly number[], level: number): number[] {
  const at = (pixel: number, cells: number): number =>
    Math.min(Math.max((pixel + 0.5) / 4 - 0.5, 0), cells - 1);
  return Array.from({ length: 24 * 20 }, (_, pixel) => {
    const [u, v] = [at(pixel % 24, WIDTH), at(Math.floor(pixel / 24), HEIGHT)];
    const value = (x: number, y: number): number => values[y * WIDTH + x] ?? 0;
    const line = (y: number): number =>
      value(Math.floor(u), y) * (1 - (u % 1)) + value(Math.ceil(u), y) * (u % 1);
    return Number(line(Math.floor(v)) * (1 - (v % 1)) + line(Math.ceil(v)) * (v % 1) > level);
  });
}

it('a mask is of the pixels at whose middles interpolated values are above the level', () => {
  // Small whole numbers: sums are exact, and many values lie at the level.
  const cells = fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 30, maxLength: 30 });
  fc.assert(
    fc.property(cells, fc.integer({ min: -1, max: 1 }), (values, level) => {
      const map = { scaleX: 1 / 4, scaleY: 1 / 4, offsetX: 0, offsetY: 0 };
      const grid = { values: Float32Array.from(values), width: WIDTH, height: HEIGHT, level, ...map };
      expect([...renderMask(grid, FRAME, GEOMETRY)]).toEqual(slowly(values, level));
    }),
  );
});
