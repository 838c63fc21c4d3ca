import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Accepted } from './accept.js';

const OFFERED = ['application/json', 'image/jpeg', 'image/png', 'image/webp'] as const;

describe('Accept', () => {
  it.each([
    [undefined, 'application/json'],
    ['', 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['image/png', 'image/png'],
    ['IMAGE/PNG', 'image/png'],
    ['image/*', 'image/jpeg'],
    ['image/webp;q=0.5, image/png;q=0.8', 'image/png'],
    ['image/png, application/json', 'application/json'],
    ['image/png, */*;q=0.1', 'image/png'],
    ['application/json;q=0.2, image/png;q=0.3', 'image/png'],
    ['image/*, image/jpeg;q=0, image/png;q=0.1', 'image/webp'],
    ['*/*, application/json;q=0', 'image/jpeg'],
    ['image/png;q=0', undefined],
    ['text/html', undefined],
    ['image/gif', undefined],
    ['image/png; charset=utf-8 ; q=1.000', 'image/png'],
    ['image/png;q=2', 'application/json'],
    ['image/png;q=high, application/json;q=0.1', 'application/json'],
    [',,;;q=1,/,*/png', 'application/json'],
  ])('%j takes %s', (header, wanted) => {
    expect(new Accepted(header).best(OFFERED)).toBe(wanted);
  });

  it('is read whatever it says', () => {
    const pieces = fc.constantFrom(
      'image',
      'application',
      '/',
      'png',
      'json',
      '*',
      ';',
      ',',
      'q=',
      '0.5',
      '1',
      ' ',
      '"',
      '\t',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
        ),
        (header) => {
          const accepted = new Accepted(header);
          const best = accepted.best(OFFERED);
          expect(best === undefined || accepted.quality(best) > 0).toBe(true);
        },
      ),
    );
  });

  it('of any length takes no time', () => {
    const header = `${'image/png;q=0.5,'.repeat(5_000)}application/json`;
    const startedAt = performance.now();
    expect(new Accepted(header).best(OFFERED)).toBe('image/png');
    expect(performance.now() - startedAt).toBeLessThan(50);
  });
});
