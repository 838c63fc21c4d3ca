import { describe, expect, it } from 'vitest';
import { dayOf, endingOf, folderOf, stemOf } from './names.js';

describe('the name of an image', () => {
  it('is its request id, and its position where it came in a batch', () => {
    const id = '0b1c9c64-8f6b-4f43-9d1c-7c1f4a1b2c3d';
    expect([stemOf(id, undefined), stemOf(id, 0), stemOf(id, 12)]).toEqual([id, `${id}-0`, `${id}-12`]);
  });

  it.each(['..', '.', '../..', '/', '//etc/passwd', '.hidden', 'a/../../b', '%2e%2e%2f', '~'])(
    'is one plain name for the id %s',
    (id) => {
      expect(stemOf(id, undefined)).toMatch(/^(?!\.)[^/\\]+$/);
    },
  );

  it('is never that of another image, nor of its record or feedback', () => {
    const names = [
      stemOf('a', 1),
      stemOf('a-1', undefined),
      stemOf('a/1', undefined),
      stemOf('a%2F1', undefined),
      `${stemOf('a', undefined)}.feedback`,
      stemOf('a.feedback', undefined),
      stemOf('x'.repeat(128), undefined),
      stemOf('/'.repeat(128), undefined),
      stemOf('='.repeat(128), undefined),
    ];
    expect(new Set(names).size).toBe(names.length);
    const long = stemOf('/'.repeat(128), undefined);
    expect(new Set([long, stemOf(long, undefined), stemOf(long.slice(1), undefined)]).size).toBe(3);
  });

  it('fits into a file system', () => {
    for (const id of ['x'.repeat(128), '/'.repeat(128), '='.repeat(128)])
      expect(`${stemOf(id, 999)}.feedback.json.part`.length).toBeLessThan(256);
  });
});

it('the folder of an image is that of its model, version and day, UTC', () => {
  const day = dayOf(Date.parse('2026-11-22T23:59:59.999Z'));
  expect(folderOf({ name: 'digits', version: '1.2.0+b' }, day)).toBe('digits/1.2.0%2Bb/2026-11-22');
  expect(folderOf({ name: '../..', version: '..' }, day)).toBe('%2E.%2F../%2E./2026-11-22');
});

it('the ending of a file is the usual one of its format', () => {
  expect(['jpeg', 'png', 'webp'].map(endingOf)).toEqual(['jpg', 'png', 'webp']);
});
