import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ServiceError } from '../errors.js';
import { ApiKeys } from './api-keys.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function refusalOf(keys: ApiKeys, key: string | undefined, address: string): ServiceError | undefined {
  try {
    keys.check(key, address);
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  return undefined;
}

describe('API keys', () => {
  it('are not asked for where there are none', () => {
    expect(refusalOf(new ApiKeys([]), undefined, 'a')).toBeUndefined();
  });

  it('open, each of them, and no other does', () => {
    const keys = new ApiKeys(['old', 'new']);
    expect(['old', 'new'].map((key) => refusalOf(keys, key, 'a'))).toEqual([undefined, undefined]);
    expect([undefined, 'ol', 'NEW'].map((key) => refusalOf(keys, key, 'a')?.code)).toEqual(
      Array.from({ length: 3 }, () => 'UNAUTHORIZED'),
    );
  });

  it('are limited by address where they are wrong, and open even then where they are right', () => {
    const keys = new ApiKeys(['right']);
    const codes = Array.from({ length: 25 }, () => refusalOf(keys, 'wrong', 'a')?.code);
    expect(codes.filter((code) => code === 'UNAUTHORIZED')).toHaveLength(20);
    expect(refusalOf(keys, 'wrong', 'a')).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: 60 });
    expect(refusalOf(keys, 'wrong', 'b')?.code).toBe('UNAUTHORIZED');
    expect(refusalOf(keys, 'right', 'a')).toBeUndefined();
    vi.advanceTimersByTime(60_000);
    expect(refusalOf(keys, 'wrong', 'a')?.code).toBe('UNAUTHORIZED');
  });

  it('take bounded memory, whoever tries them', () => {
    const keys = new ApiKeys(['right']);
    for (let address = 0; address < 20_000; address++) refusalOf(keys, 'wrong', String(address));
    expect(refusalOf(keys, 'wrong', '19999')?.code).toBe('UNAUTHORIZED');
  });

  it('count a client by its key, and by its address where no keys are asked for', () => {
    expect(new ApiKeys([]).clientOf('key', 'a')).toBe('a');
    expect(new ApiKeys(['key']).clientOf(undefined, 'a')).toBe('a');
    expect(new ApiKeys(['key']).clientOf('key', 'a')).toBe(new ApiKeys(['key']).clientOf('key', 'b'));
  });
});
