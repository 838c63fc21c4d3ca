import type { EngineInfo, Row, RunPlan, RunResult } from './runner.js';

/** What a worker thread is born with. */
export interface WorkerInit {
  readonly modelPath: string;
  readonly executionProviders: readonly string[];
  readonly intraOpThreads: number;
}

export type ToWorker =
  | { readonly type: 'prepare'; readonly plan: RunPlan }
  | { readonly type: 'run'; readonly id: number; readonly batch: readonly Row[] }
  | { readonly type: 'stop' };

export type FromWorker =
  | { readonly type: 'loaded'; readonly engine: EngineInfo }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'prepared' }
  | { readonly type: 'done'; readonly id: number; readonly result: RunResult };
