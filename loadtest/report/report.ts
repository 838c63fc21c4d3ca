import { cpus } from 'node:os';
import { type Gate, judge, passed, type Thresholds } from '../gates.js';
import type { Run } from '../harness/run.js';
import type { Settings } from '../settings.js';
import { type Summary, summarize } from './summary.js';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
}

/** Everything about one run; as JSON it is what other tools read. */
export interface Report {
  readonly date: string;
  readonly generator: 'autocannon';
  readonly machine: Machine;
  readonly target: string;
  /** Name and version, where the server says them. */
  readonly model: string | null;
  readonly load: Pick<Settings, 'scenario' | 'rate' | 'seconds' | 'vus' | 'stages'> & {
    readonly images: number;
    readonly upload: string;
  };
  readonly passed: boolean;
  readonly aborted: boolean;
  readonly gates: readonly Gate[];
  readonly results: Summary;
}

export interface Circumstances {
  readonly settings: Settings;
  readonly thresholds: Thresholds;
  readonly model: string | undefined;
  readonly images: number;
}

export function reportOf(run: Run, { settings, thresholds, model, images }: Circumstances): Report {
  const { scenario, rate, seconds, vus, stages, target, requests } = settings;
  const results = summarize(run);
  const gates = judge(results, thresholds);
  return {
    date: new Date().toISOString(),
    generator: 'autocannon',
    machine: describeMachine(),
    target,
    model: model ?? null,
    load: { scenario, rate, seconds, vus, stages, images, upload: requests.upload },
    passed: passed(gates) && !run.aborted,
    aborted: run.aborted,
    gates,
    results,
  };
}

export function describeMachine(): Machine {
  return { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, node: process.version };
}
