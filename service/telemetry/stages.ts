import type { TraceContext } from './trace-context.js';

/** The stages that every image goes through. */
export const USUAL_STAGES = ['decode', 'queue', 'inference', 'postprocess'] as const;
/** The stages of one prediction, in the order in which they are told. */
export const STAGES = [...USUAL_STAGES, 'draw'] as const;
export type Stage = (typeof STAGES)[number];

/** One stretch of a stage: when it began, on the clock of `performance.now()`, and how long it took, milliseconds. */
export interface StageSpan {
  readonly stage: Stage;
  readonly startedAt: number;
  readonly durationMs: number;
  /** Of inference: what it was part of. */
  readonly batch?: BatchRun;
}

/** One run of the model. All images of it have the same object. */
export interface BatchRun {
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly images: number;
  /** Traces that its images belong to, each once. */
  readonly traces: readonly TraceContext[];
}

/** Milliseconds spent in each stage that there was. */
export type StageTimings = { readonly [Name in Stage]?: number };

/** Stretches that follow each other without a gap. */
export function spansFrom(
  startedAt: number,
  stretches: readonly Omit<StageSpan, 'startedAt'>[],
): StageSpan[] {
  let next = startedAt;
  return stretches.map((stretch) => {
    const span = { ...stretch, startedAt: next };
    next += stretch.durationMs;
    return span;
  });
}

/** A stage that an image went through twice counts with both. */
export function timingsOf(spans: readonly StageSpan[]): StageTimings {
  const timings: { [Name in Stage]?: number } = {};
  for (const { stage, durationMs } of spans) timings[stage] = (timings[stage] ?? 0) + durationMs;
  return timings;
}

/** For several images at once: the slowest of each stage, since they run side by side. */
export function slowest(timings: readonly StageTimings[]): StageTimings {
  const worst: { [Name in Stage]?: number } = {};
  for (const [stage, ms] of timings.flatMap(stagesOf)) worst[stage] = Math.max(worst[stage] ?? 0, ms);
  return worst;
}

/** Those that there were, in order. */
export function stagesOf(timings: StageTimings): [stage: Stage, ms: number][] {
  return STAGES.flatMap((stage) => {
    const ms = timings[stage];
    return ms === undefined ? [] : [[stage, ms] as [Stage, number]];
  });
}
