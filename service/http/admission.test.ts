import { describe, expect, it } from 'vitest';
import { ServiceError } from '../errors.js';
import { Admission } from './admission.js';

const LONG = 60_000;

function overloadOf(act: () => unknown): ServiceError | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'OVERLOADED') return error;
    throw error;
  }
  return undefined;
}

describe('Admission', () => {
  it('lets in exactly as many images as fit', () => {
    const admission = new Admission({ maxImages: 3, maxBytes: 100, expectedMs: () => 0 });
    const refused = Array.from({ length: 10 }, () => overloadOf(() => admission.enter(1, LONG)));
    expect(refused.filter((error) => error !== undefined)).toHaveLength(7);
    expect(admission.images).toBe(3);
  });

  it('counts a leaver once', () => {
    const admission = new Admission({ maxImages: 5, maxBytes: 100, expectedMs: () => 0 });
    const leave = admission.enter(2, LONG);
    admission.enter(3, LONG);
    leave();
    leave();
    expect(admission.images).toBe(3);
  });

  it('refuses at the door whoever would miss the deadline, but never in an empty house', () => {
    const admission = new Admission({ maxImages: 100, maxBytes: 100, expectedMs: (images) => images * 100 });
    admission.enter(1, 50);
    expect(overloadOf(() => admission.enter(1, 199))).toBeDefined();
    expect(overloadOf(() => admission.enter(1, 200))).toBeUndefined();
  });

  it('computes Retry-After from the time that serving those inside takes, in whole seconds', () => {
    const admission = new Admission({ maxImages: 10, maxBytes: 100, expectedMs: (images) => images * 250 });
    admission.enter(10, LONG);
    expect(overloadOf(() => admission.enter(1, LONG))?.retryAfterSeconds).toBe(3);
  });

  it('takes in as many bytes as it has room for, and again what was let out', () => {
    const admission = new Admission({ maxImages: 5, maxBytes: 100, expectedMs: () => 0 });
    const [one, other] = [admission.openBody(), admission.openBody()];
    one.takeIn(60);
    expect(overloadOf(() => other.takeIn(41))).toMatchObject({ retryAfterSeconds: 1 });
    other.takeIn(40);
    expect(overloadOf(() => one.takeIn(1))).toBeDefined();
    one.letOut();
    one.takeIn(1000);
    expect(overloadOf(() => other.takeIn(60))).toBeUndefined();
  });

  it('has room for a body of any size while that is the only one', () => {
    const admission = new Admission({ maxImages: 5, maxBytes: 100, expectedMs: () => 0 });
    const [large, other] = [admission.openBody(), admission.openBody()];
    for (let piece = 0; piece < 5; piece++) large.takeIn(60);
    expect(overloadOf(() => other.takeIn(1))).toBeDefined();
    expect(overloadOf(() => large.takeIn(60))).toBeUndefined();
  });
});
