import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../service/errors.js';
import type { Store } from '../store.js';

export interface PollOptions {
  readonly name: string;
  readonly store: Store;
  readonly stop: AbortSignal;
  /** Between the end of one and the start of the next, milliseconds. */
  readonly intervalMs: number;
  /** Asks, and puts what it is told into the store. */
  readonly ask: () => Promise<void>;
}

/** Asks again and again, and says whether the source answers. Never rejects. */
export async function poll({ name, store, stop, intervalMs, ask }: PollOptions): Promise<void> {
  while (!stop.aborted) {
    try {
      await ask();
      store.setSource(name, 'connected');
    } catch (error) {
      if (!stop.aborted) store.setSource(name, 'failed', messageOf(error));
    }
    await pause(intervalMs, undefined, { signal: stop }).catch(() => undefined);
  }
}
