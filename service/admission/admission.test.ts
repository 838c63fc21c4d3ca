import { describe, expect, it } from 'vitest';
import { ServiceError } from '../errors.js';
import type { Traffic } from '../fairness/traffic.js';
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
    const refused = Array.from({ length: 10 }, () => overloadOf(() => admission.admit('single', 1, 0, LONG)));
    expect(refused.filter((error) => error !== undefined)).toHaveLength(7);
    expect(admission.images).toBe(3);
    expect(overloadOf(() => admission.requireRoom('single', LONG))).toBeDefined();
  });

  it('leave once', () => {
    const admission = admissionOf(5);
    const leave = admission.admit('single', 2, 0, LONG);
    admission.admit('batch', 3, 0, LONG);
    leave();
    leave();
    expect(admission.images).toBe(3);
  });

  it('take no place while there is only a request line', () => {
    const admission = admissionOf(1);
    for (let request = 0; request < 1000; request++) admission.requireRoom('single', LONG);
    expect(admission.images).toBe(0);
    expect(overloadOf(() => admission.admit('single', 1, 0, LONG))).toBeUndefined();
  });

  it('are refused when their answer would come close to the deadline or miss it, unless nothing is in flight', () => {
    const admission = admissionOf(100, 100);
    expect(overloadOf(() => admission.admit('single', 1, 5000, 50))).toBeUndefined();
    expect(overloadOf(() => admission.admit('single', 1, 200, 235))).toBeDefined();
    expect(overloadOf(() => admission.admit('single', 1, 200, 236))).toBeUndefined();
    expect(overloadOf(() => admission.requireRoom('single', 235))).toBeDefined();
    expect(overloadOf(() => admission.requireRoom('single', 236))).toBeUndefined();
  });

  it('are refused when they would wait longer than is allowed, however far the deadline', () => {
    const admission = admissionOf(100, 100, 150);
    admission.admit('single', 1, 100, LONG);
    expect(overloadOf(() => admission.admit('single', 1, 151, LONG))).toBeDefined();
    expect(overloadOf(() => admission.admit('single', 1, 150, LONG))).toBeUndefined();
  });

  it('of batches leave single ones a quarter of the places, and the other way round', () => {
    const most = (traffic: Traffic, other: Traffic): number[] => {
      const admission = admissionOf(64);
      const admitAll = (each: Traffic): number => {
        while (overloadOf(() => admission.admit(each, 1, 0, LONG)) === undefined);
        return admission.images;
      };
      return [admitAll(traffic), admitAll(other)];
    };
    expect([most('batch', 'single'), most('single', 'batch')]).toEqual([
      [48, 64],
      [48, 64],
    ]);
  });

  it('may be as many as there are places where they are the only batch', () => {
    const admission = admissionOf(32);
    const leave = admission.admit('batch', 32, 0, LONG);
    expect(overloadOf(() => admission.admit('single', 1, 0, LONG))).toBeDefined();
    leave();
    admission.admit('batch', 2, 0, LONG);
    expect(overloadOf(() => admission.admit('batch', 30, 0, LONG))).toBeDefined();
  });

  it('may wait as long as their deadline allows where they are the first of their kind', () => {
    const admission = admissionOf(100, 0, 1000);
    admission.admit('single', 1, 0, LONG);
    expect(overloadOf(() => admission.admit('batch', 32, 3000, 3000))).toBeDefined();
    expect(overloadOf(() => admission.admit('batch', 32, 3000, LONG))).toBeUndefined();
    expect(overloadOf(() => admission.admit('batch', 32, 3000, LONG))).toBeDefined();
  });

  it('are told in whole seconds when to come back: when what is in flight has been answered', () => {
    const admission = admissionOf(10, 250);
    admission.admit('single', 10, 2500, LONG);
    expect(overloadOf(() => admission.requireRoom('single', LONG))?.retryAfterSeconds).toBe(3);
  });
});

describe('bodies', () => {
  it('are kept as long as there is room, and again where some was given back', () => {
    const admission = admissionOf(5);
    const [one, other] = [admission.openBody('single'), admission.openBody('batch')];
    one.keep(60);
    expect(overloadOf(() => other.keep(41))).toMatchObject({ retryAfterSeconds: 1 });
    other.keep(40);
    expect(overloadOf(() => one.keep(1))).toBeDefined();
    one.release();
    one.keep(1000);
    expect(overloadOf(() => other.keep(60))).toBeUndefined();
  });

  it('of batches leave a quarter to single images', () => {
    const admission = admissionOf(5);
    const [one, other] = [admission.openBody('batch'), admission.openBody('batch')];
    one.keep(40);
    other.keep(35);
    expect(overloadOf(() => other.keep(1))).toBeDefined();
    expect(overloadOf(() => admission.openBody('single').keep(25))).toBeUndefined();
  });

  it('may have any size while there is only one', () => {
    const admission = admissionOf(5);
    const [large, other] = [admission.openBody('single'), admission.openBody('single')];
    for (let piece = 0; piece < 5; piece++) large.keep(60);
    expect(overloadOf(() => other.keep(1))).toBeDefined();
    expect(overloadOf(() => large.keep(60))).toBeUndefined();
  });
});
