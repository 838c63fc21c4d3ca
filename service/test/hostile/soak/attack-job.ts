import { runInChild } from '../../../bench/child.js';
import type { AttackReport } from '../attacks/attack.js';

export interface AttackJob {
  readonly name: string;
  readonly url: string;
  readonly seconds: number;
}

/** For its last exchanges to end, beyond its time. */
const GRACE_MS = 30_000;

/** Attacks from a process of its own, which shares nothing with the honest clients but the machine. */
export function attackFromOutside(job: AttackJob): Promise<AttackReport> {
  const entry = new URL('attack-process.js', import.meta.url).href;
  return runInChild<AttackReport>(entry, job, job.seconds * 1000 + GRACE_MS);
}
