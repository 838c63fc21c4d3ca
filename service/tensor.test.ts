import { describe, expect, it } from 'vitest';
import { floatsOf, halfToFloat, type Tensor } from './tensor.js';

describe('values of a tensor as 32-bit floats', () => {
  it.each<[Tensor, number[]]>([
    [{ type: 'float32', data: new Float32Array([1.5, -2]), shape: [2] }, [1.5, -2]],
    [{ type: 'float64', data: new Float64Array([1.5, -2]), shape: [2] }, [1.5, -2]],
    [{ type: 'uint8', data: new Uint8Array([0, 255]), shape: [2] }, [0, 255]],
    [{ type: 'int32', data: new Int32Array([-7, 7]), shape: [2] }, [-7, 7]],
    [{ type: 'int64', data: new BigInt64Array([-7n, 7n]), shape: [2] }, [-7, 7]],
    [{ type: 'uint64', data: new BigUint64Array([0n, 7n]), shape: [2] }, [0, 7]],
    [
      {
        type: 'float16',
        data: new Uint16Array([0x3c00, 0xc000, 0x7bff, 0x0001, 0x8000, 0x7c00]),
        shape: [6],
      },
      [1, -2, 65_504, 2 ** -24, -0, Number.POSITIVE_INFINITY],
    ],
  ])('are those of it, case %#', (tensor, expected) => {
    expect([...floatsOf(tensor)]).toEqual(expected);
  });

  it('are the same memory where they are that already', () => {
    const data = new Float32Array(3);
    expect(floatsOf({ type: 'float32', data, shape: [3] })).toBe(data);
  });

  it('are none of texts', () => {
    expect(() => floatsOf({ type: 'string', data: ['1'], shape: [1] })).toThrow(TypeError);
  });
});

it('a half that is not a number stays none', () => {
  expect([
    halfToFloat(0x7e00),
    ...floatsOf({ type: 'float16', data: new Uint16Array([0x7e00]), shape: [1] }),
  ]).toEqual([Number.NaN, Number.NaN]);
});
