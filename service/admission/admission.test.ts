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

/** One whose answers take so many milliseconds for each image in flight. */
function admissionOf(maxImages: number, msPerImage = 0, maxExpectedWaitMs = LONG): Admission {
  const admission: Admission = new Admission(
    { maxImages, maxExpectedWaitMs, maxBytes: 100 },
    () => admission.images * msPerImage,
  );
  return admission;
}

describe('images', () => {
  it('are admitted as long as the count allows', () => {
    const admission = admissionOf(3);
    const refused = Array.from({ length: 10 }, () => overloadOf(() => admission.admit(1, 0, LONG)));
    expect(refused.filter((error) => error !== undefined)).toHaveLength(7);
    expect(admission.images).toBe(3);
    expect(overloadOf(() => admission.requireRoom(LONG))).toBeDefined();
  });

  it('leave once', () => {
    const admission = admissionOf(5);
    const leave = admission.admit(2, 0, LONG);
    admission.admit(3, 0, LONG);
    leave();
    leave();
    expect(admission.images).toBe(3);
  });

  it('take no place while there is only a request line', () => {
    const admission = admissionOf(1);
    for (let request = 0; request < 1000; request++) admission.requireRoom(LONG);
    expect(admission.images).toBe(0);
    expect(overloadOf(() => admission.admit(1, 0, LONG))).toBeUndefined();
  });

  it('are refused when their answer would come close to the deadline or miss it, unless nothing is in flight', () => {
    const admission = admissionOf(100, 100);
    expect(overloadOf(() => admission.admit(1, 5000, 50))).toBeUndefined();
    expect(overloadOf(() => admission.admit(1, 200, 235))).toBeDefined();
    expect(overloadOf(() => admission.admit(1, 200, 236))).toBeUndefined();
    expect(overloadOf(() => admission.requireRoom(235))).toBeDefined();
    expect(overloadOf(() => admission.requireRoom(236))).toBeUndefined();
  });

  it('are refused when they would wait longer than is allowed, however far the deadline', () => {
    const admission = admissionOf(100, 100, 150);
    admission.admit(1, 100, LONG);
    expect(overloadOf(() => admission.admit(1, 151, LONG))).toBeDefined();
    expect(overloadOf(() => admission.admit(1, 150, LONG))).toBeUndefined();
  });

  it('leave room for those that come alone, the more of them come at once', () => {
    const admission = admissionOf(100, 100, 1000);
    admission.admit(1, 100, LONG);
    const longestMs = (images: number): number =>
      [...Array(1001).keys()].findLast((ms) => !overloadOf(() => admission.admit(images, ms, LONG)())) ?? 0;
    expect([1, 4, 16, 32, 64].map(longestMs)).toEqual([1000, 970, 854, 700, 700]);
  });

  it('are told in whole seconds when to come back: when what is in flight has been answered', () => {
    const admission = admissionOf(10, 250);
    admission.admit(10, 2500, LONG);
    expect(overloadOf(() => admission.requireRoom(LONG))?.retryAfterSeconds).toBe(3);
  });
});

describe('bodies', () => {
  it('are kept as long as there is room, and again where some was given back', () => {
    const admission = admissionOf(5);
    const [one, other] = [admission.openBody(), admission.openBody()];
    one.keep(60);
    expect(overloadOf(() => other.keep(41))).toMatchObject({ retryAfterSeconds: 1 });
    other.keep(40);
    expect(overloadOf(() => one.keep(1))).toBeDefined();
    one.release();
    one.keep(1000);
    expect(overloadOf(() => other.keep(60))).toBeUndefined();
  });

  it('may have any size while there is only one', () => {
    const admission = admissionOf(5);
    const [large, other] = [admission.openBody(), admission.openBody()];
    for (let piece = 0; piece < 5; piece++) large.keep(60);
    expect(overloadOf(() => other.keep(1))).toBeDefined();
    expect(overloadOf(() => large.keep(60))).toBeUndefined();
  });
});
