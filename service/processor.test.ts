import { arch } from 'node:os';
import { describe, expect, it } from 'vitest';
import { readProcessor, saturates } from './processor.js';

describe('readProcessor', () => {
  it.each([
    ['flags\t\t: fpu avx2 avx512f avx512_vnni', `${arch()} avx512_vnni`],
    ['flags\t\t: fpu avx2 avx_vnni', `${arch()} avx_vnni`],
    ['flags\t\t: fpu sse2 avx avx2', `${arch()} avx2`],
    ['Features\t: fp asimd asimddp', `${arch()} asimddp`],
    ['', arch()],
  ])('tells by %j what 8-bit products are made with', (text, kind) => {
    expect(readProcessor(text).kind).toBe(kind);
  });

  it.each([
    ['x64 avx2', true],
    ['x64', true],
    ['x64 avx_vnni', false],
    ['x64 amx_int8', false],
    ['arm64', false],
  ])('knows whether sums on %s saturate: %s', (kind, expected) => {
    expect(saturates({ kind, model: '' })).toBe(expected);
  });
});
