import { type ChildProcess, fork } from 'node:child_process';
import type { EngineInfo, Row, RowResult } from '../service/inference/runner.js';
import type { Job, Load, Recorded, Results, Timed } from './engine-process.js';

/** Loading, or one run, takes no longer. */
const TIMEOUT_MS = 120_000;
/** One measurement: enough runs that the clock and the caches of the first one do not count. */
const LEAST_MS = 80;
const LEAST_RUNS = 3;

type Reply = { readonly result: unknown } | { readonly failure: string };

/** A model in a process of its own. One job at a time. */
export class Engine {
  readonly info: EngineInfo;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, info: EngineInfo) {
    this.#child = child;
    this.info = info;
  }

  /** Throws what the model cannot be loaded for. */
  static async start(load: Load): Promise<Engine> {
    const entry = new URL('engine-process.js', import.meta.url);
    const child = fork(entry, { serialization: 'advanced', execArgv: [] });
    try {
      return new Engine(child, await ask(child, { type: 'load', load }));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** One for each row; what the engine could not decode is handed back, as the service's thread does. */
  answers(rows: readonly Row[]): Promise<readonly RowResult[]> {
    return ask<'answer'>(this.#child, { type: 'answer', rows });
  }

  record(row: Row): Promise<Recorded> {
    return ask<'record'>(this.#child, { type: 'record', row });
  }

  time(row: Row): Promise<Timed> {
    return ask<'time'>(this.#child, { type: 'time', row, leastMs: LEAST_MS, leastRuns: LEAST_RUNS });
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}

async function ask<Type extends keyof Results>(
  child: ChildProcess,
  job: Extract<Job, { type: Type }>,
): Promise<Results[Type]> {
  const reply = await new Promise<Reply>((resolve, reject) => {
    const settle = (act: () => void) => () => {
      clearTimeout(timer);
      child.off('message', onMessage).off('error', onError).off('exit', onExit);
      act();
    };
    const onMessage = (message: unknown): void => settle(() => resolve(message as Reply))();
    const onError = (error: Error): void => settle(() => reject(error))();
    const onExit = (code: number | null, signal: string | null): void =>
      settle(() => reject(new Error(`its process ended with ${signal ?? `code ${code}`}`)))();
    const timer = setTimeout(
      settle(() => reject(new Error(`it took longer than ${TIMEOUT_MS / 1000} s`))),
      TIMEOUT_MS,
    );
    child.once('message', onMessage).once('error', onError).once('exit', onExit);
    child.send(job);
  });
  if ('failure' in reply) throw new Error(reply.failure);
  return reply.result as Results[Type];
}
