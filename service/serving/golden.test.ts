import { describe, expect, it } from 'vitest';
import { readProcessor } from '../processor.js';
import { elsewhere } from './golden.js';

describe('elsewhere', () => {
  const here = { kind: 'x64 avx2', model: 'Old' };
  const there = { kind: 'x64 avx512_vnni', model: 'New' };

  it('names both processors where a model was optimised on another kind', () => {
    expect(elsewhere(there, here)).toMatch(/x64 avx512_vnni.*x64 avx2/);
  });

  it('says nothing of a model that was not optimised, or was on this kind', () => {
    expect(elsewhere(undefined, here)).toBe('');
    expect(elsewhere({ ...here, model: 'Other' }, here)).toBe('');
    expect(elsewhere(readProcessor())).toBe('');
  });
});
