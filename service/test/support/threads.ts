import type { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

/** Every thread started from now on until the test ends, oldest first. */
export function watchThreads(): Worker[] {
  const threads: Worker[] = [];
  const onWorker = (worker: Worker): void => void threads.push(worker);
  process.on('worker', onWorker);
  onTestFinished(() => void process.off('worker', onWorker));
  return threads;
}

/** Makes a thread die of an error of its own. */
export function crash(thread: Worker | undefined): void {
  thread?.postMessage({ type: 'run', id: -1, batch: null });
}
