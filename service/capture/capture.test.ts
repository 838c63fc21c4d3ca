import { setMaxListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AnsweredImage } from '../answer-keeper.js';
import { Capture, type CaptureOptions } from './capture.js';
import type { Store, StoredObject } from './store.js';
import { StoreTimeout } from './store.js';

const KiB = 1024;
const model = { name: 'digits', version: '1.0.0', digest: 'sha256:0' };
const judged = { reference: model, claim: () => ({ label: '3' }) };
const patient = new AbortController().signal;
setMaxListeners(0, patient);

/** Storage that does what a test says, or nothing at all. */
class ScriptedStore implements Store {
  readonly place = 'a test';
  readonly lanes = 1;
  readonly written = new Map<string, Uint8Array>();
  isHanging = false;
  failure: Error | undefined;
  closed = 0;
  reads = 0;

  write(objects: readonly StoredObject[], signal: AbortSignal): Promise<void> {
    return this.#do(signal, () => {
      for (const { path, bytes } of objects) this.written.set(path, bytes);
    });
  }

  read(path: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    this.reads += 1;
    return this.#do(signal, () => this.written.get(path));
  }

  close(): void {
    this.closed += 1;
  }

  async #do<Result>(signal: AbortSignal, act: () => Result): Promise<Result> {
    if (this.isHanging)
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    if (this.failure !== undefined) throw this.failure;
    return act();
  }
}

function setUp(options: Partial<CaptureOptions> = {}) {
  const store = new ScriptedStore();
  const counts: string[] = [];
  const warnings: unknown[] = [];
  const capture = new Capture({
    store,
    share: 1,
    uncertainBelow: 0.6,
    uncertainPerMinute: 60,
    metrics: {
      captured: (_, why) => counts.push(why),
      captureDropped: (_, reason) => counts.push(reason),
      judged: (_, verdict) => counts.push(verdict),
    },
    logger: { warn: (fields: unknown) => void warnings.push(fields) } as never,
    ...options,
  });
  return { capture, store, counts, warnings };
}

let next = 0;
function image(bytes = KiB, requestId = `id-a${next++}`): AnsweredImage {
  return {
    requestId,
    index: undefined,
    model,
    file: new Uint8Array(bytes),
    image: { width: 1, height: 1, format: 'png' },
    answer: { predictions: [] },
    claim: { label: '3' },
    scores: [0.9],
  };
}

const tell = (requestId: string, label = '3') => ({ requestId, index: undefined, truth: { label } });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a storage that never answers', () => {
  it('holds up nobody, and what waits for it takes bounded memory and time', async () => {
    const { capture, store, counts, warnings } = setUp({ limits: { maxBytes: 64 * KiB } });
    store.isHanging = true;
    for (let index = 0; index < 1000; index += 1) capture.answered(image(10 * KiB));
    expect(capture.pendingBytes).toBeLessThanOrEqual(64 * KiB);
    expect(counts.filter((count) => count === 'busy')).toHaveLength(1000 - 6);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(counts.filter((count) => count === 'timed_out')).toHaveLength(6);
    expect(capture.pendingBytes).toBe(0);
    expect(warnings.length).toBeLessThan(3);
    store.isHanging = false;
    capture.answered(image());
    await vi.advanceTimersByTimeAsync(0);
    expect(counts.at(-1)).toBe('sampled');
  });

  it('gets three seconds at the end, and no more', async () => {
    const { capture, store, counts } = setUp();
    store.isHanging = true;
    for (let index = 0; index < 3; index += 1) capture.answered(image());
    const closed = capture.close();
    await vi.advanceTimersByTimeAsync(2999);
    expect(store.closed).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    await closed;
    expect([counts, store.closed, capture.pendingBytes]).toEqual([['stopped', 'stopped', 'stopped'], 1, 0]);
    capture.answered(image());
    expect(counts.at(-1)).toBe('stopped');
  });

  it('gets less where the end has less time', async () => {
    const { capture, store, counts } = setUp();
    store.isHanging = true;
    capture.answered(image());
    capture.endWithin(1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(counts).toEqual(['stopped']);
    await capture.close();
  });

  it('refuses feedback in time, and more of it than it bears at once', async () => {
    const { capture, store } = setUp();
    store.isHanging = true;
    const given = Array.from({ length: 100 }, (_, index) =>
      capture.judge(tell(`a${index}`), judged, patient),
    );
    const ends = Promise.allSettled(given);
    await vi.advanceTimersByTimeAsync(5000);
    const codes = (await ends).map((end) => end.status === 'rejected' && end.reason.code);
    expect(codes.filter((code) => code === 'STORAGE_UNAVAILABLE')).toHaveLength(32);
    expect(codes.filter((code) => code === 'OVERLOADED')).toHaveLength(68);
    expect(store.reads).toBeLessThan(1000);
  });
});

it('what waits when the service ends is written before it does', async () => {
  const { capture, store, counts } = setUp();
  for (let index = 0; index < 20; index += 1) capture.answered(image());
  expect(store.written.size).toBeLessThan(20);
  capture.endWithin(10_000);
  await capture.close();
  expect([store.written.size, store.closed, vi.getTimerCount()]).toEqual([40, 1, 0]);
  expect(counts).toEqual(Array.from({ length: 20 }, () => 'sampled'));
});

describe('a storage that fails', () => {
  it('is complained of once a minute, and answered images are counted as not kept', async () => {
    const { capture, store, counts, warnings } = setUp();
    store.failure = new Error('no space left on device');
    for (let index = 0; index < 50; index += 1) capture.answered(image());
    await vi.advanceTimersByTimeAsync(100);
    expect(counts).toEqual(Array.from({ length: 50 }, () => 'failed'));
    expect(warnings).toEqual([{ reason: 'Error: no space left on device', failures: 1 }]);
    await vi.advanceTimersByTimeAsync(60_000);
    capture.answered(image());
    await vi.advanceTimersByTimeAsync(0);
    expect(warnings.at(-1)).toMatchObject({ failures: 50 });
  });

  it('has feedback sent again, which then counts once', async () => {
    const { capture, store, counts } = setUp();
    capture.answered(image(KiB, 'one'));
    await vi.advanceTimersByTimeAsync(0);
    store.failure = new StoreTimeout(1);
    await expect(capture.judge(tell('one'), judged, patient)).rejects.toMatchObject({
      code: 'STORAGE_UNAVAILABLE',
    });
    store.failure = undefined;
    for (const _ of [1, 2]) expect(await capture.judge(tell('one'), judged, patient)).toBe('correct');
    expect(counts).toEqual(['sampled', 'correct']);
  });
});

describe('an image', () => {
  it('that is larger than all that may wait is not kept', () => {
    const { capture, counts } = setUp({ limits: { maxBytes: KiB } });
    capture.answered(image(KiB + 1));
    expect(counts).toEqual(['too_large']);
  });

  it('of a request id that was seen lately does not take the place of the first', async () => {
    const { capture, counts, store } = setUp();
    capture.answered(image(1, 'same'));
    capture.answered(image(2, 'same'));
    await vi.advanceTimersByTimeAsync(0);
    expect(counts).toEqual(['duplicate', 'sampled']);
    expect([...store.written].find(([path]) => path.endsWith('same.png'))?.[1]).toHaveLength(1);
  });

  it('that is part of something larger does not keep that', async () => {
    const { capture, store } = setUp();
    const file = new Uint8Array(new ArrayBuffer(1024 * KiB), 0, 10);
    capture.answered({ ...image(), file });
    await vi.advanceTimersByTimeAsync(0);
    expect([...store.written.values()][0]?.buffer.byteLength).toBe(10);
  });

  it('whose record cannot be written down spoils nobody else’s answer', () => {
    const { capture, counts } = setUp();
    capture.answered({ ...image(), answer: { value: 1n } });
    expect(counts).toEqual(['failed']);
  });
});

it('feedback that comes twice at once is taken once, of whomever the image is', async () => {
  const { capture, counts } = setUp();
  const given = Array.from({ length: 10 }, () => capture.judge(tell('of-another-pod'), judged, patient));
  const ends = await Promise.allSettled(given);
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const end of ends.slice(1)) expect(end).toMatchObject({ reason: { code: 'OVERLOADED' } });
  expect(counts).toEqual(['unknown']);
  // Later it changes what is kept, and counts no more.
  await capture.judge(tell('of-another-pod', '4'), judged, patient);
  expect(counts).toEqual(['unknown']);
});

it('says how many images were lost when it ended in mid-work', async () => {
  const { capture, store, warnings } = setUp();
  store.isHanging = true;
  for (let index = 0; index < 3; index += 1) capture.answered(image());
  await capture.destroy();
  expect(warnings).toEqual([{ images: 3 }]);
});

it('whoever has left is told nothing, and waits for nothing', async () => {
  const { capture, store } = setUp();
  store.isHanging = true;
  const leaving = new AbortController();
  const verdict = capture.judge(tell('a'), judged, leaving.signal);
  leaving.abort(new Error('gone'));
  await expect(verdict).rejects.toThrow('gone');
});
