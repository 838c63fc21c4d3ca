import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { listenForSignals } from './signals.js';

describe('listenForSignals', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function listen() {
    const source = new EventEmitter();
    const signals = listenForSignals(source);
    return { source, signals, state: () => [signals.first, signals.stop.aborted, signals.abort.aborted] };
  }

  it.each(['SIGTERM', 'SIGINT'])('drains on the first %s', (signal) => {
    const { source, state } = listen();
    expect(state()).toEqual([undefined, false, false]);
    source.emit(signal, signal);
    expect(state()).toEqual([signal, true, false]);
  });

  it('takes signals within a second of the first for the same one, and a later one for a second', () => {
    const { source, state } = listen();
    source.emit('SIGINT', 'SIGINT');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGINT']) {
      vi.advanceTimersByTime(333);
      source.emit(signal, signal);
    }
    expect(state()).toEqual(['SIGINT', true, false]);
    vi.advanceTimersByTime(1);
    source.emit('SIGINT', 'SIGINT');
    expect(state()).toEqual(['SIGINT', true, true]);
  });
});
