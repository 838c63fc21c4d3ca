import { type ChildProcess, fork } from 'node:child_process';
import { messageOf } from '../errors.js';

type Answer<Result> = { readonly result: Result } | { readonly failure: string };

/**
 * Has one piece of work done in a process of its own, so that it shares no event loop with whoever measures.
 * @param entry file name of the process, beside this one
 * @param timeoutMs past it the process is killed
 */
export async function runInChild<Result>(entry: string, job: unknown, timeoutMs: number): Promise<Result> {
  const child = fork(new URL(entry, import.meta.url), { serialization: 'advanced', execArgv: [] });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  try {
    child.send(job as object);
    const answer = (await firstMessage(child, entry)) as Answer<Result>;
    if ('failure' in answer) throw new Error(`${entry}: ${answer.failure}`);
    return answer.result;
  } finally {
    clearTimeout(timer);
    child.kill('SIGKILL');
  }
}

function firstMessage(child: ChildProcess, entry: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${entry} ended early (${code ?? signal})`)));
  });
}

/** The child's side: does the one job it is sent, and ends with its parent. */
export function answerParent<Job, Result>(work: (job: Job) => Promise<Result>): void {
  const answer = (message: Answer<Result>): void => void process.send?.(message);
  process.once('disconnect', () => process.exit(1));
  process.once('message', (job: Job) => {
    work(job).then(
      (result) => answer({ result }),
      (error: unknown) => answer({ failure: messageOf(error) }),
    );
  });
}
