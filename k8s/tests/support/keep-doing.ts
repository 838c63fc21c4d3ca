import { setTimeout as pause } from 'node:timers/promises';

/** Does something again and again until the signal. It may fail: services come and go. */
export async function keepDoing(
  doing: () => Promise<unknown>,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await doing().catch(() => undefined);
    await pause(everyMs, undefined, { signal }).catch(() => undefined);
  }
}
