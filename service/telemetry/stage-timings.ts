/** The stages of one prediction, in the order in which they happen. */
export const STAGES = ['decode', 'queue', 'inference', 'postprocess', 'draw'] as const;
export type Stage = (typeof STAGES)[number];

/** Milliseconds spent in each stage. Recorded once, seen three times: histogram, header, log. */
export interface StageTimings extends Readonly<Record<Exclude<Stage, 'draw'>, number>> {
  /** Only where the answer is a picture: waiting for its turn, decoding once more, drawing, encoding. */
  readonly draw?: number;
}

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
  return stagesOf(timings)
    .map(([stage, ms]) => `${stage};dur=${ms.toFixed(2)}`)
    .join(', ');
}

/** Those that there were, in the order in which they happened. */
export function stagesOf(timings: StageTimings): [stage: Stage, ms: number][] {
  return STAGES.flatMap((stage) => {
    const ms = timings[stage];
    return ms === undefined ? [] : [[stage, ms] as [Stage, number]];
  });
}
