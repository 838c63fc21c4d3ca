import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor.js';
import { checkRows, outputsOfRow } from './output-rows.js';

const scores: Tensor = {
  type: 'float32',
  data: Float32Array.from({ length: 12 }, (_, i) => i),
  shape: [2, 3, 2],
};
const ids: Tensor = { type: 'int64', data: new BigInt64Array([7n, 8n]), shape: [2] };
const texts: Tensor = { type: 'string', data: ['a', 'b', 'c', 'd'], shape: [2, 2] };
const found: Tensor = { type: 'float32', data: new Float32Array(21), shape: [3, 7] };
const raw = new Map<string, Tensor>([
  ['scores', scores],
  ['ids', ids],
  ['texts', texts],
  ['found', found],
]);

describe('outputsOfRow', () => {
  it('takes the batch dimension off, without a copy, whatever the type', () => {
    const wanted = ['scores', 'ids', 'texts'].map((name) => ({ name, isBatched: true }));
    const second = outputsOfRow(raw, wanted, 1);
    expect(second.get('scores')).toEqual({
      type: 'float32',
      data: new Float32Array([6, 7, 8, 9, 10, 11]),
      shape: [3, 2],
    });
    expect(second.get('scores')?.data).toHaveProperty('buffer', scores.data.buffer);
    expect(second.get('ids')).toEqual({ type: 'int64', data: new BigInt64Array([8n]), shape: [] });
    expect(second.get('texts')).toEqual({ type: 'string', data: ['c', 'd'], shape: [2] });
  });

  it('leaves an output whole whose first dimension is not the batch', () => {
    expect(outputsOfRow(raw, [{ name: 'found', isBatched: false }], 0).get('found')).toBe(found);
  });
});

describe('checkRows', () => {
  it('refuses an output that has other rows than the batch, unless that is known of it', () => {
    expect(() => checkRows(raw, [{ name: 'found', isBatched: true }], 2)).toThrow('3 rows for a batch of 2');
    checkRows(raw, [{ name: 'found', isBatched: false }], 2);
  });
});
