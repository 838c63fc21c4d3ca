import { describe, expect, it } from 'vitest';
import { agrees } from './claim.js';

const at = (x: number, label = '3') => ({ label, box: { x_min: x, y_min: 0, x_max: x + 10, y_max: 10 } });

describe('an answer', () => {
  it('is right where it gives the label that there is', () => {
    expect(agrees({ label: '3' }, { label: '3' })).toBe(true);
    expect(agrees({ label: '3' }, { label: '8' })).toBe(false);
  });

  it('is right where it finds all objects, in any order, and no other', () => {
    const objects = [at(0), at(100, '8')];
    expect(agrees({ objects }, { objects: objects.toReversed() })).toBe(true);
    expect(agrees({ objects }, { objects: [at(3), at(97, '8')] })).toBe(true);
    expect(agrees({ objects }, { objects: [at(6), at(100, '8')] })).toBe(false);
    expect(agrees({ objects }, { objects: [at(0), at(100)] })).toBe(false);
    expect(agrees({ objects }, { objects: [at(0)] })).toBe(false);
    expect(agrees({ objects: [] }, { objects: [] })).toBe(true);
  });

  it('does not find one object twice', () => {
    expect(agrees({ objects: [at(0), at(100)] }, { objects: [at(0), at(1)] })).toBe(false);
  });

  it('is wrong where something else was asked', () => {
    expect(agrees({ label: '3' }, { objects: [] })).toBe(false);
    expect(agrees({ objects: [] }, { label: '3' })).toBe(false);
  });
});
