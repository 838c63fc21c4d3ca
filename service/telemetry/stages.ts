/** The stages of one prediction, in the order in which they are told. */
export const STAGES = ['decode', 'queue', 'inference', 'postprocess'] as const;
export type Stage = (typeof STAGES)[number];

/** One stretch of a stage: when it began, on the clock of `performance.now()`, and how long it took, milliseconds. */
export interface StageSpan {
  readonly stage: Stage;
  readonly startedAt: number;
  readonly durationMs: number;
}

/** Milliseconds spent in each stage. */
export type StageTimings = Readonly<Record<Stage, number>>;

/** Stretches that follow each other without a gap. */
export function spansFrom(
  startedAt: number,
  stretches: readonly { readonly stage: Stage; readonly durationMs: number }[],
): StageSpan[] {
  let next = startedAt;
  return stretches.map(({ stage, durationMs }) => {
    const span = { stage, startedAt: next, durationMs };
    next += durationMs;
    return span;
  });
}

/** A stage that an image went through twice counts with both. */
export function timingsOf(spans: readonly StageSpan[]): StageTimings {
  const timings = { decode: 0, queue: 0, inference: 0, postprocess: 0 };
  for (const { stage, durationMs } of spans) timings[stage] += durationMs;
  return timings;
}

/** For several images at once: the slowest of each stage, since they run side by side. */
export function slowest(timings: readonly StageTimings[]): StageTimings | undefined {
  if (timings.length === 0) return undefined;
  const worst = (stage: Stage): number => Math.max(...timings.map((each) => each[stage]));
  return {
    decode: worst('decode'),
    queue: worst('queue'),
    inference: worst('inference'),
    postprocess: worst('postprocess'),
  };
}
