import fc from 'fast-check';
import { expect, it } from 'vitest';
import { topK } from './top-k.js';

it('is what sorting everything would give', () => {
  const values = fc.array(fc.float({ noNaN: true }), { maxLength: 200 });
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 20 }), (list, k) => {
      const sorted = [...new Float32Array(list).entries()].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
      expect(topK(new Float32Array(list), k)).toEqual(sorted.slice(0, k).map(([id]) => id));
    }),
  );
});
