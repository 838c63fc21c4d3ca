import type { Stage } from '../scenarios.js';

/**
 * When requests are due, in milliseconds from the start: at a rate that goes in a straight line within each stage.
 * The first is due at once.
 */
export function* arrivals(stages: readonly Stage[]): Generator<number> {
  let startMs = 0;
  /** Requests that the stages so far have asked for; the fraction is carried on. */
  let before = 0;
  let next = 0;
  for (const stage of stages) {
    const within = ((stage.fromRate + stage.toRate) / 2) * stage.seconds;
    // Half-open, so that the first request of a stage is not the last of the one before.
    while (next < before + within - 1e-9) yield startMs + 1000 * timeOf(next++ - before, stage);
    before += within;
    startMs += 1000 * stage.seconds;
  }
}

/** The time in seconds at which `fromRate * t + slope * t^2 / 2` reaches a number of requests. */
function timeOf(requests: number, { fromRate, toRate, seconds }: Stage): number {
  const slope = (toRate - fromRate) / seconds;
  if (requests === 0) return 0;
  // The root in the form that stays exact where the slope is nothing.
  return (2 * requests) / (fromRate + Math.sqrt(Math.max(0, fromRate ** 2 + 2 * slope * requests)));
}

export function secondsIn(stages: readonly Stage[]): number {
  return stages.reduce((sum, { seconds }) => sum + seconds, 0);
}
