import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ServiceError } from '../errors.js';
import type { Traffic } from '../fairness/traffic.js';
import {
  ControlledRunner,
  DECODE_MS,
  onePixel,
  plainRow,
  settle,
} from '../test/support/controlled-runner.js';
import { Batcher, type BatcherOptions, type ServedRow } from './batcher.js';

const OPTIONS: BatcherOptions = { maxBatchSize: 4, maxWaitMs: 0, maxImages: 100, maxBytes: 1_000_000 };
const patient = new AbortController().signal;

function setUp(options: Partial<BatcherOptions> = {}, slots = 1) {
  const runner = new ControlledRunner(slots);
  return { runner, batcher: new Batcher(runner, { ...OPTIONS, ...options }) };
}

/** Submits images 0, 1, 2, ...; rejections are kept for the test to look at. */
function submit(batcher: Batcher, count: number, signal = patient, traffic: Traffic = 'single') {
  return Array.from({ length: count }, (_, id) => {
    const promise = batcher.submit(onePixel(id), signal, { traffic }).then(firstValue);
    promise.catch(() => undefined);
    return promise;
  });
}

function firstValue(served: ServedRow): unknown {
  return 'answer' in served ? served.answer['value'] : undefined;
}

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => (error instanceof ServiceError ? error.code : 'other'),
  );
}

describe('Batcher', () => {
  it('runs a lone image at once and alone', () => {
    const { runner, batcher } = setUp();
    submit(batcher, 1);
    expect(runner.batchSizes).toEqual([1]);
  });

  it('lets batches form from what queued while the slot was busy', async () => {
    const { runner, batcher } = setUp();
    submit(batcher, 7);
    await runner.finish();
    await runner.finish();
    expect(runner.batchSizes).toEqual([1, 4, 2]);
  });

  it('tells those who were run together of the same run, and of the traces that they belong to, each once', async () => {
    const { runner, batcher } = setUp({}, 0);
    const [one, other] = ['1', '2'].map((spanId) => ({ traceId: spanId, spanId, isSampled: true }));
    const served = [one, one, other, undefined].map((trace, id) =>
      batcher.submit(onePixel(id), patient, { trace }),
    );
    runner.setSlots(1);
    await runner.finish();
    const [run, ...others] = (await Promise.all(served)).map(({ batch }) => batch);
    expect(run).toMatchObject({ images: 4, traces: [one, other] });
    for (const batch of others) expect(batch).toBe(run);
  });

  it('shares the queue between all slots, and leaves the rest to the one that is free next', async () => {
    const { runner, batcher } = setUp({}, 0);
    submit(batcher, 6);
    runner.setSlots(2);
    await runner.finish();
    expect(runner.batchSizes).toEqual([3, 1, 1]);
  });

  it('gives every caller its own answer, whatever the batches', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 4 }),
        async (images, maxBatchSize, slots) => {
          const { runner, batcher } = setUp({ maxBatchSize }, slots);
          const answers = submit(batcher, images);
          while (runner.pending.length > 0) await runner.finish();
          expect(await Promise.all(answers)).toEqual(Array.from({ length: images }, (_, id) => id));
        },
      ),
      { numRuns: 50 },
    );
  });

  it('runs a single image next, however many of batches wait', async () => {
    const { runner, batcher } = setUp({ maxBatchSize: 1 });
    submit(batcher, 64, patient, 'batch');
    const [single] = submit(batcher, 1);
    const before = batcher.expectedMs({ traffic: 'batch', images: 1, decodeMs: 0 });
    await runner.finish();
    await runner.finish();
    expect(await single).toBe(0);
    expect(before).toBe(0);
  });

  it('runs an image of a batch every other time, however many single ones come', async () => {
    const { runner, batcher } = setUp({ maxBatchSize: 1 });
    submit(batcher, 3);
    const answers = submit(batcher, 4, patient, 'batch');
    for (let run = 0; run < 9; run++) {
      submit(batcher, 2);
      await runner.finish();
    }
    expect(await Promise.all(answers)).toEqual([0, 1, 2, 3]);
  });

  it('expects of an image that half of what runs before it is of the other kind', async () => {
    const { runner, batcher } = setUp({ msPerImage: 10 }, 0);
    submit(batcher, 6, patient, 'batch');
    submit(batcher, 2);
    const expectedMs = (traffic: Traffic, images: number): number =>
      batcher.expectedMs({ traffic, images, decodeMs: 0 });
    expect([expectedMs('single', 1), expectedMs('single', 100), expectedMs('batch', 1)]).toEqual([
      60, 1080, 90,
    ]);
    expect(runner.pending).toHaveLength(0);
  });

  it('fails only the image that the model refuses', async () => {
    const { runner, batcher } = setUp({}, 0);
    const answers = submit(batcher, 3);
    runner.setSlots(1);
    await runner.finish({ 1: 'index out of range' });
    expect(await answers[0]).toBe(0);
    expect(await codeOf(answers[1] ?? Promise.resolve())).toBe('INFERENCE_FAILED');
    expect(await answers[2]).toBe(2);
  });

  it('answers WORKER_LOST to the images of a lost run, and goes on with the rest', async () => {
    const { runner, batcher } = setUp({ maxBatchSize: 2 }, 0);
    const answers = submit(batcher, 3);
    runner.setSlots(1);
    await runner.lose();
    await runner.finish();
    const codes = await Promise.all(answers.map(codeOf));
    expect(codes).toEqual(['WORKER_LOST', 'WORKER_LOST', 'none']);
  });

  it('overflows by exactly the images that do not fit, at once', async () => {
    const { runner, batcher } = setUp({ maxImages: 5 });
    const answers = submit(batcher, 10);
    const settled: string[] = [];
    for (const answer of answers) void codeOf(answer).then((code) => settled.push(code));
    await settle();
    expect(settled).toEqual(['OVERLOADED', 'OVERLOADED', 'OVERLOADED', 'OVERLOADED']);
    while (runner.pending.length > 0) await runner.finish();
    expect(settled.filter((code) => code === 'none')).toHaveLength(6);
  });

  it('bounds what waits in bytes as well, but lets a large image into an empty queue', async () => {
    const { runner, batcher } = setUp({ maxBytes: 2 }, 0);
    const [first, second] = submit(batcher, 2);
    expect(await codeOf(second ?? Promise.resolve())).toBe('OVERLOADED');
    runner.setSlots(1);
    await runner.finish();
    expect(await first).toBe(0);
    expect(batcher.queuedBytes).toBe(0);
  });

  it('counts a file that waits by its own bytes', async () => {
    const { runner, batcher } = setUp({}, 0);
    const answer = batcher.submit(plainRow({ jpeg: new Uint8Array(77), width: 100, height: 100 }), patient);
    expect(batcher.queuedBytes).toBe(77);
    runner.setSlots(1);
    await runner.finish();
    await answer;
    expect(batcher.queuedBytes).toBe(0);
  });

  it('tells decoding from waiting for the others to be decoded, and both from inference', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const { runner, batcher } = setUp({}, 0);
      const jpeg = plainRow({ jpeg: new Uint8Array(1), width: 1, height: 1 });
      const images = [jpeg, onePixel(0), jpeg];
      const served = images.map((image) => batcher.submit(image, patient));
      vi.advanceTimersByTime(100);
      runner.setSlots(1);
      vi.advanceTimersByTime(40);
      await runner.finish();
      const times = (await Promise.all(served)).map(({ decodeMs, queueMs, inferenceMs }) => [
        decodeMs,
        queueMs,
        inferenceMs,
      ]);
      const inferenceMs = 40 - 2 * DECODE_MS;
      expect(times).toEqual([
        [DECODE_MS, 100 + DECODE_MS, inferenceMs],
        [0, 100 + 2 * DECODE_MS, inferenceMs],
        [DECODE_MS, 100 + DECODE_MS, inferenceMs],
      ]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('resolves with the file of an image that the engine could not decode', async () => {
    const { runner, batcher } = setUp();
    const file = new Uint8Array([1, 2, 3]);
    const served = batcher.submit(plainRow({ jpeg: file, width: 1, height: 1 }), patient);
    await runner.handBack();
    expect(await served).toMatchObject({ returned: file });
  });

  it('says when to come back from what it has measured', async () => {
    const { runner, batcher } = setUp({ maxImages: 1, maxBatchSize: 1 });
    const expectedMs = (images: number): number =>
      batcher.expectedMs({ traffic: 'single', images, decodeMs: 0 });
    expect(expectedMs(10)).toBe(0);
    submit(batcher, 1);
    await runner.finish();
    expect(expectedMs(10)).toBeGreaterThan(0);
    expect(expectedMs(10)).toBeCloseTo(10 * expectedMs(1));
  });

  it('never runs an image whose caller has left', async () => {
    const { runner, batcher } = setUp({}, 0);
    const leaving = new AbortController();
    const [gone] = submit(batcher, 1, leaving.signal);
    const [staying] = submit(batcher, 1);
    leaving.abort(new ServiceError('CLIENT_CLOSED_REQUEST', 'gone'));
    expect(batcher.queuedImages).toBe(1);
    runner.setSlots(1);
    expect(runner.batchSizes).toEqual([1]);
    await runner.finish();
    expect(await staying).toBe(0);
    expect(await codeOf(gone ?? Promise.resolve())).toBe('CLIENT_CLOSED_REQUEST');
  });

  it('answers at the deadline, also when the run goes on', async () => {
    const { runner, batcher } = setUp();
    const deadline = new AbortController();
    const [late] = submit(batcher, 1, deadline.signal);
    expect(runner.pending).toHaveLength(1);
    deadline.abort(new ServiceError('DEADLINE_EXCEEDED', 'late'));
    expect(await codeOf(late ?? Promise.resolve())).toBe('DEADLINE_EXCEEDED');
    await runner.finish();
  });

  it('refuses a caller who had left before', async () => {
    const { runner, batcher } = setUp();
    const signal = AbortSignal.abort(new ServiceError('CLIENT_CLOSED_REQUEST', 'gone'));
    expect(await codeOf(batcher.submit(onePixel(0), signal))).toBe('CLIENT_CLOSED_REQUEST');
    expect(runner.batchSizes).toEqual([]);
  });

  it('waits for company only as long as it was told to', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const { runner, batcher } = setUp({ maxWaitMs: 20 });
      submit(batcher, 2);
      vi.advanceTimersByTime(19);
      expect(runner.batchSizes).toEqual([]);
      vi.advanceTimersByTime(2);
      expect(runner.batchSizes).toEqual([2]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('serves what is queued before it closes, and takes nothing more', async () => {
    const { runner, batcher } = setUp({ maxBatchSize: 1 });
    const answers = submit(batcher, 3);
    const closed = batcher.close();
    expect(await codeOf(batcher.submit(onePixel(9), patient))).toBe('SHUTTING_DOWN');
    while (runner.pending.length > 0) await runner.finish();
    await closed;
    expect(await Promise.all(answers)).toEqual([0, 1, 2]);
    await batcher.close();
  });

  it('fails what is queued when it is destroyed', async () => {
    const { batcher } = setUp({}, 0);
    const answers = submit(batcher, 2);
    batcher.destroy();
    batcher.destroy();
    expect(await Promise.all(answers.map(codeOf))).toEqual(['SHUTTING_DOWN', 'SHUTTING_DOWN']);
  });
});
