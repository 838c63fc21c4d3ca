import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PoolHealth } from './pool-health.js';

describe('PoolHealth', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function watch() {
    const state = { isBlocked: false, failed: 0 };
    const health = new PoolHealth({
      graceMs: 10_000,
      isBlocked: () => state.isBlocked,
      onFailed: () => {
        state.failed += 1;
      },
    });
    return { health, state };
  }

  it('has failed once no slot is left, none can be started, and the grace has passed', () => {
    const { health, state } = watch();
    state.isBlocked = true;
    health.lostSlot(0);
    vi.advanceTimersByTime(9_999);
    expect(health.hasFailed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(health.hasFailed).toBe(true);
    vi.advanceTimersByTime(60_000);
    expect(state.failed).toBe(1);
  });

  it('has failed once replacements fail again and again', () => {
    const { health } = watch();
    health.lostSlot(0);
    for (let failure = 1; failure < 5; failure++) health.replacementFailed();
    vi.advanceTimersByTime(60_000);
    expect(health.hasFailed).toBe(false);
    health.replacementFailed();
    vi.advanceTimersByTime(1000);
    expect(health.hasFailed).toBe(true);
  });

  it.each<[string, (health: PoolHealth) => void]>([
    ['as long as a slot is left', (health) => health.lostSlot(1)],
    [
      'when a slot comes back within the grace',
      (health) => {
        health.lostSlot(0);
        vi.advanceTimersByTime(9_000);
        health.gainedSlot();
      },
    ],
    [
      'when slots are lost and come back for hours',
      (health) => {
        for (let minute = 0; minute < 300; minute++) {
          health.lostSlot(0);
          health.replacementFailed();
          vi.advanceTimersByTime(9_000);
          health.gainedSlot();
          vi.advanceTimersByTime(51_000);
        }
      },
    ],
  ])('has not failed %s', (_, live) => {
    const { health, state } = watch();
    state.isBlocked = true;
    live(health);
    vi.advanceTimersByTime(3_600_000);
    expect([health.hasFailed, state.failed]).toEqual([false, 0]);
  });

  it('is not failed any more when a slot comes back after all', () => {
    const { health, state } = watch();
    state.isBlocked = true;
    health.lostSlot(0);
    vi.advanceTimersByTime(10_000);
    health.gainedSlot();
    expect(health.hasFailed).toBe(false);
    health.lostSlot(0);
    vi.advanceTimersByTime(10_000);
    expect([health.hasFailed, state.failed]).toEqual([true, 2]);
  });
});
