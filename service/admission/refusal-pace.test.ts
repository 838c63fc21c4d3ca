import { describe, expect, it } from 'vitest';
import { RefusalPace } from './refusal-pace.js';

/** The delays of refusals that come so many milliseconds apart. */
function delays(count: number, apartMs: number, pace = new RefusalPace(), startAt = 0): number[] {
  return Array.from({ length: count }, (_, index) => pace.delayAt(startAt + index * apartMs));
}

describe('refusals', () => {
  it('wait for nothing while there are fewer than a thousand a second', () => {
    expect(Math.max(...delays(10_000, 1))).toBe(0);
  });

  it('wait for nothing in a short burst', () => {
    expect(Math.max(...delays(200, 0))).toBe(0);
  });

  it('are spread over time where there are more', () => {
    const all = delays(500, 0);
    expect(all.at(-1)).toBe(300);
    expect(all.every((delay, index) => index === 0 || delay >= (all[index - 1] ?? 0))).toBe(true);
  });

  it('never wait for longer than half a second, however many there are', () => {
    expect(Math.max(...delays(100_000, 0))).toBe(500);
  });

  it('wait for nothing again soon after', () => {
    const pace = new RefusalPace();
    delays(100_000, 0, pace);
    expect(pace.delayAt(400)).toBeGreaterThan(0);
    expect(delays(100, 1, pace, 800)).toEqual(Array.from({ length: 100 }, () => 0));
  });
});
