import { runInChild } from './child.js';
import type { Window } from './window.js';

/** What is sent to a server, over and over. */
export interface Shot {
  readonly url: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** Clients that each send the next request as soon as the last is answered. */
export interface ClosedLoopJob extends Shot {
  readonly clients: number;
  readonly window: Window;
}

/** A fixed number of requests, however long they take. */
export interface VolleyJob extends Shot {
  readonly clients: number;
  readonly requests: number;
}

/** More than a server can take. Either so many clients, or so many arrivals a second whatever becomes of them. */
export interface OverloadJob extends Shot {
  readonly offer:
    | { readonly clients: number; readonly pauseAfterRefusalMs: number }
    | { readonly arrivalsPerSecond: number };
  readonly window: Window;
}

export interface ProbeJob {
  readonly url: string;
  readonly intervalMs: number;
  readonly window: Window;
}

/** Of the requests that were answered within the window. Times in milliseconds. */
export interface LoadResult {
  /** Of each answer 200. */
  readonly acceptedMs: Float64Array;
  /** Of each answer 429 or 503. */
  readonly refusedMs: Float64Array;
  /** All else, counted by status: answers without predictions as 200, broken connections and timeouts as 0. */
  readonly failures: Readonly<Record<string, number>>;
  /** CPU that the generator itself took from the machine. */
  readonly cpuSeconds: number;
}

const GRACE_MS = 20_000;

function untilAfter(window: Window): number {
  return window.toMs - Date.now() + GRACE_MS;
}

export function closedLoop(job: ClosedLoopJob): Promise<LoadResult> {
  return runInChild('closed-loop-process.js', job, untilAfter(job.window));
}

export function volley(job: VolleyJob, timeoutMs: number): Promise<Pick<LoadResult, 'failures'>> {
  return runInChild('volley-process.js', job, timeoutMs);
}

export function overload(job: OverloadJob): Promise<LoadResult> {
  return runInChild('overload-process.js', job, untilAfter(job.window));
}

/** Asks at a steady pace; answers with the time of each, milliseconds, those that failed as Infinity. */
export function probe(job: ProbeJob): Promise<Float64Array> {
  return runInChild('probe-process.js', job, untilAfter(job.window));
}

/** Throws unless every request was answered, or refused in so many words. */
export function expectNoFailures(who: string, { failures }: Pick<LoadResult, 'failures'>): void {
  if (Object.keys(failures).length > 0)
    throw new Error(`${who}: requests failed: ${describeFailures(failures)}`);
}

export function describeFailures(failures: LoadResult['failures']): string {
  return Object.entries(failures)
    .map(([status, count]) => `${count} x ${status === '0' ? 'no answer' : status}`)
    .join(', ');
}
