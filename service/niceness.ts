import { getPriority, setPriority } from 'node:os';

/** Where runs and decoding fill all cores, the thread that answers probes and refuses requests must not wait behind them. */
const NICENESS = 5;

/**
 * Lets the main thread of the service go before this thread, or before a process that has just been started and its
 * threads. Linux keeps a priority for each thread, which those that it starts take over; elsewhere it would be that of
 * this process. What runs at a lower one already stays there: raising it takes a privilege.
 * @param pid of a child process; this thread where it is left out
 */
export function yieldToMainThread(pid = 0): void {
  if (process.platform === 'linux' && getPriority(pid) < NICENESS) setPriority(pid, NICENESS);
}
