/** k6 reads this file as it is: nothing of Node in here or in what it imports. */

/** The stages that the service reports, in the order in which they happen (service/telemetry/stages.ts). */
export const STAGES = ['decode', 'queue', 'inference', 'postprocess', 'draw'] as const;
export type Stage = (typeof STAGES)[number];

/** Milliseconds by stage out of a Server-Timing header (W3C Server Timing); stages that it does not name are left out. */
export function parseServerTiming(header: string | undefined): Partial<Record<Stage, number>> {
  const timings: Partial<Record<Stage, number>> = {};
  for (const entry of header?.split(',') ?? []) {
    const [name = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const stage = STAGES.find((known) => known === name);
    const duration = parameters.find((parameter) => parameter.startsWith('dur='))?.slice('dur='.length);
    const ms = Number(duration);
    if (stage !== undefined && duration !== undefined && Number.isFinite(ms)) timings[stage] = ms;
  }
  return timings;
}
