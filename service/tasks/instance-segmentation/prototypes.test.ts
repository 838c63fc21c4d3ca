import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Tensor } from '../../tensor.js';
import { prototypeMask } from './prototypes.js';
import { renderMask } from './render-mask.js';

const CONTEXT = { roles: {}, classes: 1, width: 64, height: 48 };
const GEOMETRY = {
  width: 100,
  height: 90,
  tensor: CONTEXT,
  toImage: { scaleX: 100 / 64, scaleY: 90 / 48, offsetX: 0, offsetY: 0 },
};
const WHOLE = { xMin: 0, yMin: 0, xMax: 64, yMax: 48, score: 1, classId: 0, index: 0 };
const coordinate = (most: number) => fc.tuple(fc.nat(most - 2), fc.integer({ min: 2, max: most }));

it('a mask of the part of the prototypes around a box is that of all of them', () => {
  const values = fc.float({ min: -4, max: 4, noNaN: true });
  const prototypes = fc.array(values, { minLength: 3 * 16 * 12, maxLength: 3 * 16 * 12 });
  const coefficients = fc.array(values, { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(
      prototypes,
      coefficients,
      coordinate(100),
      coordinate(90),
      (all, own, [x, width], [y, height]) => {
        const region = { xMin: x, yMin: y, xMax: Math.min(x + width, 100), yMax: Math.min(y + height, 90) };
        const { scaleX, scaleY } = GEOMETRY.toImage;
        const box = {
          ...WHOLE,
          xMin: region.xMin / scaleX,
          yMin: region.yMin / scaleY,
          xMax: region.xMax / scaleX,
          yMax: region.yMax / scaleY,
        };
        const tensor: Tensor = { type: 'float32', data: Float32Array.from(all), shape: [3, 12, 16] };
        const outputs = new Map([['prototypes', tensor]]);
        const [mask, expected] = [box, WHOLE].map((around) => {
          const grid = prototypeMask(outputs, CONTEXT, Float32Array.from(own), around);
          const frame = { ...region, width: region.xMax - x, height: region.yMax - y };
          return renderMask(grid, frame, GEOMETRY);
        });
        const differing = mask?.filter((pixel, at) => pixel !== expected?.[at]).length ?? 0;
        // What lies at the level may fall on either side of it.
        expect(differing).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 50 },
  );
});
