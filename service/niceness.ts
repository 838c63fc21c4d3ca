import { getPriority, setPriority } from 'node:os';

/** Where runs and decoding fill all cores, the thread that answers probes and refuses requests must not wait behind them. */
const NICENESS = 5;

/**
 * Lets the main thread of the service go first. Linux sets the priority of the calling thread alone; elsewhere it would be
 * that of the process. Who runs at a lower one already stays there: raising it takes a privilege.
 */
export function yieldToMainThread(): void {
  if (process.platform === 'linux' && getPriority() < NICENESS) setPriority(NICENESS);
}
