import type { EventEmitter } from 'node:events';

/** Ctrl-C reaches a foreground process from the terminal and again from npm: signals this close are one, milliseconds. */
const SAME_SIGNAL_MS = 1000;

export interface Signals {
  /** The signal that came first. */
  readonly first: NodeJS.Signals | undefined;
  /** Aborts with the first signal: drain. */
  readonly stop: AbortSignal;
  /** Aborts with the next one that is not the same: end now. */
  readonly abort: AbortSignal;
  /** As if two signals had come. */
  giveUp(): void;
}

/** Listens for SIGTERM and SIGINT from now on, for as long as the process lives. */
export function listenForSignals(source: EventEmitter = process): Signals {
  const stop = new AbortController();
  const abort = new AbortController();
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (first !== undefined && performance.now() - first.at >= SAME_SIGNAL_MS) abort.abort();
    first ??= { signal, at: performance.now() };
    stop.abort();
  };
  source.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return {
    get first() {
      return first?.signal;
    },
    stop: stop.signal,
    abort: abort.signal,
    giveUp() {
      stop.abort();
      abort.abort();
    },
  };
}
