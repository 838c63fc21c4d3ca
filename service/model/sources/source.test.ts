import { describe, expect, it } from 'vitest';
import { pathIn } from './source.js';

describe('pathIn', () => {
  it.each([
    ['', 'a.json', 'a.json'],
    ['x/', 'a.json', 'x/a.json'],
    ['x/y/', '../a.json', 'x/a.json'],
    ['x/y/', '../../a/b.json', 'a/b.json'],
    ['x//', '../a.json', 'x/a.json'],
    ['x/', 'a/../b', 'x/a/../b'],
  ])('takes %j and %j for %j', (folder, name, path) => {
    expect(pathIn(folder, name)).toBe(path);
  });

  it.each([
    ['', '../a.json'],
    ['x/', '../../a.json'],
    ['x/', '../../../api/whoami'],
  ])('finds nothing above all folders: %j, %j', (folder, name) => {
    expect(() => pathIn(folder, name)).toThrow(expect.objectContaining({ kind: 'missing' }));
  });
});
