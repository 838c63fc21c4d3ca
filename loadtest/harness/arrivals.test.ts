import { describe, expect, it } from 'vitest';
import { SCENARIOS, stagesOf } from '../scenarios.js';
import { arrivals, secondsIn } from './arrivals.js';

describe('arrivals', () => {
  it('at a constant rate are evenly spaced from the start', () => {
    const due = [...arrivals([{ fromRate: 10, toRate: 10, seconds: 1 }])];
    expect(due).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
  });

  it('on a ramp are as many as its mean rate asks for, ever closer', () => {
    const due = [...arrivals([{ fromRate: 0, toRate: 100, seconds: 10 }])];
    expect(due).toHaveLength(500);
    const gaps = due.slice(1).map((at, index) => at - (due[index] ?? 0));
    // From the second gap on: the first request is due at once, although the rate is still nothing.
    expect(gaps.slice(1).every((gap, index) => gap < (gaps[index] ?? 0))).toBe(true);
    // Half the duration, a quarter of the requests.
    expect(due.filter((at) => at < 5000)).toHaveLength(125);
  });

  it('carry the fraction of a request from stage to stage', () => {
    const half = { fromRate: 1, toRate: 1, seconds: 0.5 };
    expect([...arrivals([half, half, half, half])]).toEqual([0, 1000]);
  });

  it.each(Object.entries(SCENARIOS))('of %s are in order and within the duration', (_, scenario) => {
    const stages = stagesOf(scenario.legs, scenario.rate, scenario.seconds);
    const due = [...arrivals(stages)];
    expect(secondsIn(stages)).toBeCloseTo(scenario.seconds);
    expect(due).toEqual([...due].sort((a, b) => a - b));
    expect(due.at(-1)).toBeLessThan(scenario.seconds * 1000);
    // Enough for the gate on the minimum.
    expect(due.length).toBeGreaterThanOrEqual(150);
  });
});
