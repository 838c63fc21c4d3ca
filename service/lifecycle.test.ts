import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Lifecycle, type Resource } from './lifecycle.js';

const never = new AbortController().signal;

const stuckForever = (): Promise<void> => new Promise(() => {});

function resource(name: string, log: string[], close: () => Promise<void> = async () => {}): Resource {
  return {
    name,
    close: () => {
      log.push(`close ${name}`);
      return close();
    },
    destroy: async () => void log.push(`destroy ${name}`),
  };
}

describe('Lifecycle', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('starts, turns ready, and cannot turn ready again once it drains', async () => {
    const lifecycle = new Lifecycle();
    expect(lifecycle.state).toBe('starting');
    lifecycle.markReady();
    expect(lifecycle.state).toBe('ready');
    await lifecycle.drain({ delayMs: 0, timeoutMs: 10, resources: [], abort: never });
    lifecycle.markReady();
    expect(lifecycle.state).toBe('stopped');
  });

  it('has failed when what serves cannot heal, but not before it was ready nor on its way out', async () => {
    let cannotHeal = true;
    const lifecycle = new Lifecycle(() => cannotHeal);
    expect(lifecycle.failed).toBe(false);
    lifecycle.markReady();
    expect(lifecycle.failed).toBe(true);
    cannotHeal = false;
    expect(lifecycle.failed).toBe(false);
    cannotHeal = true;
    const drained = lifecycle.drain({ delayMs: 0, timeoutMs: 10, resources: [], abort: never });
    expect(lifecycle.failed).toBe(false);
    await vi.advanceTimersByTimeAsync(0);
    await drained;
  });

  it('closes nothing during the delay, then closes everything in order', async () => {
    const log: string[] = [];
    const lifecycle = new Lifecycle();
    const resources = [resource('http', log), resource('batcher', log), resource('workers', log)];
    const drained = lifecycle.drain({ delayMs: 5000, timeoutMs: 1000, resources, abort: never });
    expect([lifecycle.state, log]).toEqual(['draining', []]);
    await vi.advanceTimersByTimeAsync(5000);
    expect(await drained).toBe('drained');
    expect(log).toEqual(['close http', 'close batcher', 'close workers']);
  });

  it('destroys everything once the deadline has passed', async () => {
    const log: string[] = [];
    const stuck = resource('http', log, stuckForever);
    const drained = new Lifecycle().drain({
      delayMs: 0,
      timeoutMs: 1000,
      resources: [stuck, resource('workers', log)],
      abort: never,
    });
    await vi.advanceTimersByTimeAsync(1001);
    expect(await drained).toBe('aborted');
    expect(log).toEqual(['close http', 'destroy http', 'destroy workers']);
  });

  it('cuts the delay and the drain short when it is aborted', async () => {
    const log: string[] = [];
    const abort = new AbortController();
    const drained = new Lifecycle().drain({
      delayMs: 60_000,
      timeoutMs: 60_000,
      resources: [resource('http', log)],
      abort: abort.signal,
    });
    abort.abort();
    expect(await drained).toBe('aborted');
    expect(log).toContain('destroy http');
  });

  it('says so when something cannot even be destroyed', async () => {
    const unstoppable = {
      ...resource('workers', []),
      close: stuckForever,
      destroy: () => Promise.reject(new Error('still running')),
    };
    const drained = new Lifecycle().drain({
      delayMs: 0,
      timeoutMs: 10,
      resources: [unstoppable],
      abort: never,
    });
    await vi.advanceTimersByTimeAsync(11);
    expect(await drained).toBe('stuck');
  });

  it('is not clean when a resource fails to close, and still closes the others', async () => {
    const log: string[] = [];
    const failing = resource('http', log, () => Promise.reject(new Error('no')));
    const drained = new Lifecycle().drain({
      delayMs: 0,
      timeoutMs: 1000,
      resources: [failing, resource('workers', log)],
      abort: never,
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(await drained).toBe('aborted');
    expect(log).toContain('close workers');
  });
});
