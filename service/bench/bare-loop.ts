import { runInChild } from './child.js';
import { openWindow, type Window } from './window.js';

/** Decode, resample and run of the same image, back to back: what the machine could do if serving cost nothing. */
export interface BareLoopWork {
  readonly modelFolder: string;
  readonly image: Uint8Array;
}

export interface BareLoopJob extends BareLoopWork {
  readonly window: Window;
}

export interface BareLoopResult {
  /** Of each image within the window, milliseconds. */
  readonly decodeMs: Float64Array;
  readonly resampleMs: Float64Array;
  readonly runMs: Float64Array;
  readonly totalMs: Float64Array;
  /** Images per second within the window. */
  readonly rate: number;
  readonly cpuSeconds: number;
}

const GRACE_MS = 20_000;
/** A session loads within the first on an idle machine; on a busy one it may need longer. */
const LEADS_SECONDS = [2, 6, 20];

/** As many loops at once as asked for, each in a process of its own with a session of one thread. */
export async function bareLoops(
  work: BareLoopWork,
  loops: number,
  seconds: number,
): Promise<BareLoopResult[]> {
  for (const leadSeconds of LEADS_SECONDS) {
    const { modelFolder, image } = work;
    const job: BareLoopJob = { modelFolder, image, window: openWindow(leadSeconds, seconds) };
    const results = await Promise.all(Array.from({ length: loops }, () => bareLoop(job)));
    const inTime = results.filter((result) => result !== 'late');
    if (inTime.length === loops) return inTime;
  }
  throw new Error('the machine is too busy: the loops were never ready in time');
}

function bareLoop(job: BareLoopJob): Promise<BareLoopResult | 'late'> {
  return runInChild('bare-loop-process.js', job, job.window.toMs - Date.now() + GRACE_MS);
}
