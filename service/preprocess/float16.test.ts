import { describe, expect, it } from 'vitest';
import { toFloat16 } from './float16.js';

/** The value of finite float16 bits. */
function float16Value(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const magnitude = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

const INFINITY = 0x7c00;

describe('toFloat16', () => {
  it('keeps every float16', () => {
    for (let bits = 0; bits < INFINITY; bits++) {
      expect(toFloat16(float16Value(bits))).toBe(bits);
      expect(toFloat16(float16Value(bits | 0x8000))).toBe(bits | 0x8000);
    }
  });

  it('rounds to the nearest, ties to even', () => {
    for (let bits = 0; bits < INFINITY - 1; bits++) {
      const [low, high] = [float16Value(bits), float16Value(bits + 1)];
      expect(toFloat16((low + high) / 2)).toBe(bits % 2 === 0 ? bits : bits + 1);
      expect(toFloat16(low + (high - low) * 0.25)).toBe(bits);
      expect(toFloat16(low + (high - low) * 0.75)).toBe(bits + 1);
    }
  });

  it('knows infinity and what is not a number', () => {
    expect(toFloat16(65_519)).toBe(0x7bff);
    expect([65_520, 1e9, Number.POSITIVE_INFINITY].map(toFloat16)).toEqual([INFINITY, INFINITY, INFINITY]);
    expect(toFloat16(-1e9)).toBe(0xfc00);
    expect(toFloat16(Number.NaN)).toBe(0x7e00);
    expect(toFloat16(-0)).toBe(0x8000);
  });
});
