import { describe, expect, it } from 'vitest';
import { atLeast, atMost, compare, type Expected, type Observed, refusedFor } from './verdict.js';

const EXPECTED: Expected = {
  dispatches: ['digits'],
  alerts: { all: ['Drift'] },
  champion: '2',
  versions: ['1', '2'],
  commits: ['Stage model', 'Promote production'],
  verdicts: ['passed'],
};
const OBSERVED: Observed = {
  dispatches: ['digits'],
  alerts: ['Drift'],
  aliases: { champion: '2' },
  versions: ['2', '1'],
  commits: ['Stage model s3://loop/models/digits/1.1.0', 'Promote production to 0123'],
  verdicts: ['passed'],
  failures: [],
};

const broken = (changes: Partial<Observed>): string[] =>
  compare(EXPECTED, { ...OBSERVED, ...changes })
    .filter(({ isKept }) => !isKept)
    .map(({ promise }) => promise.split(':')[0] ?? '');

describe('what a play leaves behind', () => {
  it('is as it must be where all is so', () => {
    expect(broken({})).toEqual([]);
  });

  it.each([
    ['a second dispatch', { dispatches: ['digits', 'digits'] }, 'dispatches'],
    ['no dispatch', { dispatches: [] }, 'dispatches'],
    ['another alert', { alerts: ['Drift', 'BrokenInput'] }, 'alerts'],
    ['an alert that is missing', { alerts: [] }, 'alerts'],
    ['a champion that did not move', { aliases: { champion: '1' } }, 'champion'],
    ['no champion', { aliases: {} }, 'champion'],
    ['a challenger that is left', { aliases: { champion: '2', challenger: '3' } }, 'challenger'],
    ['a version too many', { versions: ['1', '2', '3'] }, 'versions in the registry'],
    ['a commit too many', { commits: [...OBSERVED.commits, 'Stage model x'] }, 'promotion commits'],
    ['another commit', { commits: ['Promote production', 'Stage model'] }, 'promotion commits'],
    ['a run that was refused', { verdicts: ['passed', 'refused'] }, 'verdicts of the gate'],
    ['an image without an answer', { failures: ['/predict answered 503'] }, 'requests without an answer'],
  ])('is not with %s', (_, changes, promise) => {
    expect(broken(changes)).toEqual([promise]);
  });
});

describe('a check', () => {
  it('of a number is broken where there is none', () => {
    expect(atLeast('accuracy', Number.NaN, 0.5).isKept).toBe(false);
    expect(atMost('accuracy', Number.NaN, 0.5).isKept).toBe(false);
  });

  it('of a refusal is broken where nothing was refused, or for another reason', () => {
    expect(refusedFor('', 'agreement:').isKept).toBe(false);
    expect(refusedFor('the data is refused: balance: x', 'agreement:').isKept).toBe(false);
    expect(refusedFor('the data is refused: agreement: x', 'agreement:').isKept).toBe(true);
  });
});
