import type { ImageStatistics } from '../statistics/image-statistics.js';
import { type StageSpan, type StageTimings, slowest, stagesOf, timingsOf } from './stages.js';
import type { TraceContext } from './trace-context.js';

export const IMAGE_OUTCOMES = [
  'ok',
  'client_error',
  'refused',
  'deadline',
  'disconnected',
  'server_error',
] as const;
export type ImageOutcome = (typeof IMAGE_OUTCOMES)[number];

/** Labels of an answer, and their scores, 0 to 1. */
interface Observed {
  readonly labels: readonly string[];
  readonly scores: readonly number[];
}

/** What became of one image. */
export type ImageRecord = {
  /** What it went through, in order. */
  readonly spans: readonly StageSpan[];
} & (
  | {
      readonly outcome: 'ok';
      readonly image: { readonly width: number; readonly height: number; readonly format: string };
      readonly observed: Observed;
      /** Where they are taken. */
      readonly statistics?: ImageStatistics;
    }
  | { readonly outcome: Exclude<ImageOutcome, 'ok'>; readonly code: string }
);

/** The model that a request was for. */
interface RecordedModel {
  readonly reference: { readonly name: string; readonly version: string };
}

/** All that is told of one request, whatever its protocol: header, log line, metrics and spans are views of it. */
export class RequestRecord {
  /** On the clock of `performance.now()`. */
  readonly startedAt = performance.now();
  /** Present where traces are collected. */
  trace: TraceContext | undefined;
  model: RecordedModel | undefined;
  /** Size of the images' files, bytes. */
  bytes: number | undefined;
  images: readonly ImageRecord[] = [];
  /** Why there is no answer to the request as a whole. */
  failure: { readonly code: string; readonly thrown: unknown } | undefined;

  /** The slowest of each stage, milliseconds; none where no image was answered. */
  get timings(): StageTimings {
    return slowest(this.images.flatMap((each) => (each.outcome === 'ok' ? [timingsOf(each.spans)] : [])));
  }

  /** Codes of all that was refused or failed: of the request, or of single images. */
  get codes(): readonly string[] {
    if (this.failure !== undefined) return [this.failure.code];
    return this.images.flatMap((each) => (each.outcome === 'ok' ? [] : [each.code]));
  }
}

/** Value of the Server-Timing header (W3C Server Timing): milliseconds. */
export function serverTiming(timings: StageTimings): string {
  return stagesOf(timings)
    .map(([stage, ms]) => `${stage};dur=${ms.toFixed(2)}`)
    .join(', ');
}

/** What the log says of the images. */
export function imageFields({ images, bytes, timings }: RequestRecord): Record<string, unknown> {
  if (images.length === 0) return {};
  const stages = stagesOf(timings).length > 0 && { stages_ms: roundedStages(timings) };
  const [first] = images;
  if (images.length === 1 && first?.outcome === 'ok') return { ...stages, image: first.image, bytes };
  const failed = images.filter(({ outcome }) => outcome !== 'ok').length;
  return { ...stages, images: images.length, failed, bytes };
}

/** Milliseconds, to two decimals. */
export function roundedMs(ms: number): number {
  return Math.round(ms * 100) / 100;
}

function roundedStages(timings: StageTimings): Record<string, number> {
  return Object.fromEntries(stagesOf(timings).map(([stage, ms]) => [stage, roundedMs(ms)]));
}
