/** The stages of one prediction, in the order in which they happen. */
export const STAGES = ['decode', 'queue', 'inference', 'postprocess'] as const;
export type Stage = (typeof STAGES)[number];

/** Milliseconds spent in each stage. Recorded once, seen three times: histogram, header, log. */
export type StageTimings = Readonly<Record<Stage, number>>;

/** For several images at once: the slowest of each stage, since they run side by side. */
export function slowest(timings: readonly StageTimings[]): StageTimings | undefined {
  const [first, ...rest] = timings;
  if (first === undefined) return undefined;
  return rest.reduce<StageTimings>(
    (worst, next) => ({
      decode: Math.max(worst.decode, next.decode),
      queue: Math.max(worst.queue, next.queue),
      inference: Math.max(worst.inference, next.inference),
      postprocess: Math.max(worst.postprocess, next.postprocess),
    }),
    first,
  );
}

/** Value of the Server-Timing header (W3C Server Timing): milliseconds. */
export function serverTiming(timings: StageTimings): string {
  return STAGES.map((stage) => `${stage};dur=${timings[stage].toFixed(2)}`).join(', ');
}
