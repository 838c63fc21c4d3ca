import { describe, expect, it } from 'vitest';
import { Batcher } from './batching/batcher.js';
import { Predictor } from './predict.js';
import { testDecoder } from './preprocess/decoder.test-support.js';
import type { InputSpec } from './preprocess/image.js';
import { encoderOf, photograph } from './preprocess/samples.test-support.js';
import { type StageSpan, timingsOf } from './telemetry/stages.js';
import { ControlledRunner, DECODE_MS } from './test/support/controlled-runner.js';
import { plainJpeg } from './test/support/images.js';

const INPUT: InputSpec = {
  layout: 'NCHW',
  type: 'float32',
  width: 8,
  height: 8,
  channels: 'rgb',
  resize: { rule: 'stretch', filter: 'nearest', shortestEdge: 8, padValue: [0], position: 'center' },
  accuracy: 'exact',
  scale: 1,
  mean: [0],
  std: [1],
};
const options = { signal: new AbortController().signal, parameters: {} };

async function setUp() {
  const runner = new ControlledRunner();
  const batcher = new Batcher(runner, { maxBatchSize: 4, maxWaitMs: 0, maxImages: 9, maxBytes: 1e6 });
  const { decoder } = testDecoder({ maxPixels: 1e6, spec: INPUT, concurrency: 1, fastDecoders: 'thread' });
  await decoder.started();
  return {
    runner,
    predictor: new Predictor(decoder, batcher),
    hasTurbo: decoder.decoders.includes('jpeg-turbo'),
  };
}

const picture = {
  format: 'png',
  maxSide: 2048,
  drawingOf: () => ({ shapes: [] }),
} as const;

describe('a picture', () => {
  it('is made of the file as it was, also where the engine has taken it', async () => {
    const { runner, predictor } = await setUp();
    const file = await plainJpeg({ r: 7, g: 7, b: 7 }, 12, 10, 85);
    const spans: StageSpan[] = [];
    const prediction = predictor.predict(predictor.inspect(file), { ...options, picture, spans });
    await untilRunning(runner);
    await runner.finish();
    const { picture: made } = await prediction;
    expect(Buffer.from(made?.bytes ?? []).subarray(1, 4)).toEqual(Buffer.from('PNG'));
    expect(timingsOf(spans).draw).toBeGreaterThan(0);
  });

  it('is expected to take its time, from when it is asked for until it is there', async () => {
    const { runner, predictor } = await setUp();
    const inspected = predictor.inspect(await encoderOf(photograph(900, 900)).png().toBuffer());
    const plainMs = predictor.expectedMs('single', [inspected]);
    expect(predictor.expectedMs('single', [inspected], picture)).toBeGreaterThan(plainMs + 10);
    const prediction = predictor.predict(inspected, { ...options, picture });
    await untilRunning(runner);
    expect(predictor.expectedMs('single', [])).toBeGreaterThan(10);
    await runner.finish();
    await prediction;
    expect(predictor.expectedMs('single', [])).toBe(0);
  });

  it('is not made where there is no answer', async () => {
    const { runner, predictor } = await setUp();
    const inspected = predictor.inspect(await encoderOf(photograph(40, 40)).png().toBuffer());
    const leaving = new AbortController();
    const prediction = predictor.predict(inspected, { ...options, picture, signal: leaving.signal });
    prediction.catch(() => undefined);
    await untilRunning(runner);
    leaving.abort(new Error('gone'));
    await runner.finish();
    await expect(prediction).rejects.toThrow('gone');
    expect([predictor.expectedMs('single', []), predictor.decoder.drawing]).toEqual([0, 0]);
  });
});

describe('a file that is wanted beside the answer', () => {
  it.each([
    ['PNG', () => encoderOf(photograph(40, 40)).png().toBuffer()],
    ['JPEG', () => plainJpeg({ r: 7, g: 7, b: 7 }, 12, 10, 85)],
  ])('comes as it was: a %s', async (_, make) => {
    const { runner, predictor } = await setUp();
    const file = await make();
    const expected = Buffer.from(new Uint8Array(file));
    const prediction = predictor.predict(predictor.inspect(file), { ...options, keepsFile: true });
    await untilRunning(runner);
    await runner.finish();
    expect(expected.equals((await prediction).file ?? Buffer.alloc(0))).toBe(true);
  });

  it('comes as well where the engine has handed it back to be decoded elsewhere, and not unasked', async () => {
    const { runner, predictor } = await setUp();
    const file = await plainJpeg({ r: 7, g: 7, b: 7 }, 12, 10, 85);
    for (const keepsFile of [true, false]) {
      const prediction = predictor.predict(predictor.inspect(file), { ...options, keepsFile });
      await untilRunning(runner);
      if (hasTurbo) {
        await runner.handBack();
        await untilRunning(runner);
      }
      await runner.finish();
      expect((await prediction).file).toEqual(keepsFile ? file : undefined);
    }
  });
});

describe.skipIf(!('transfer' in ArrayBuffer.prototype))(
  'the memory of a file that a process has decoded (skipped on Node 20, which cannot give it back)',
  () => {
    it.each([
      ['given back', 0, {}],
      ['kept for who wants the file', 1, { keepsFile: true }],
      ['kept for a picture', 1, { picture }],
    ])('is %s', async (_, kept, wanted) => {
      const { runner, predictor } = await setUp();
      const file = new Uint8Array(await encoderOf(photograph(40, 40)).png().toBuffer());
      const prediction = predictor.predict(predictor.inspect(file), { ...options, ...wanted });
      await untilRunning(runner);
      expect(Math.sign(file.byteLength)).toBe(kept);
      await runner.finish();
      await prediction;
    });

    it('stays where other bytes lie in it too', async () => {
      const { runner, predictor } = await setUp();
      const png = await encoderOf(photograph(40, 40)).png().toBuffer();
      const form = Buffer.concat([png, png]);
      const prediction = predictor.predict(predictor.inspect(form.subarray(0, png.length)), options);
      await untilRunning(runner);
      await runner.finish();
      await prediction;
      expect(form.subarray(png.length).equals(png)).toBe(true);
    });
  },
);

async function untilRunning(runner: ControlledRunner): Promise<void> {
  await expect.poll(() => runner.pending.length).toBe(1);
}

const { hasTurbo } = await setUp();

describe.skipIf(!hasTurbo)(
  'a JPEG that the engine is to decode (skipped without the optional binding)',
  () => {
    it('is answered for, with the time that it took to decode', async () => {
      const { runner, predictor } = await setUp();
      const spans: StageSpan[] = [];
      const prediction = predictor.predict(
        predictor.inspect(await plainJpeg({ r: 9, g: 9, b: 9 }, 12, 10, 85)),
        { ...options, spans },
      );
      await untilRunning(runner);
      await runner.finish();
      const { image } = await prediction;
      expect(image).toEqual({ width: 12, height: 10, format: 'jpeg' });
      expect(timingsOf(spans).decode).toBeGreaterThanOrEqual(DECODE_MS);
    });

    it('is decoded here and run again where the engine hands it back', async () => {
      const { runner, predictor } = await setUp();
      const prediction = predictor.predict(
        predictor.inspect(await plainJpeg({ r: 7, g: 7, b: 7 }, 12, 10, 85)),
        options,
      );
      await untilRunning(runner);
      await runner.handBack();
      await untilRunning(runner);
      await runner.finish();
      const { image, answer } = await prediction;
      expect(image).toEqual({ width: 12, height: 10, format: 'jpeg' });
      expect(answer).toEqual({ value: 7 });
    });

    it('is refused in the words of the other decoder where that cannot read it either', async () => {
      const { runner, predictor } = await setUp();
      const file = await encoderOf(photograph(48, 40)).jpeg({ quality: 85 }).toBuffer();
      const verdict = predictor
        .predict(predictor.inspect(file.subarray(0, -20)), options)
        .catch((error: unknown) => error);
      await untilRunning(runner);
      await runner.handBack();
      expect(await verdict).toMatchObject({
        code: 'IMAGE_UNDECODABLE',
        message: 'The JPEG file is damaged, incomplete or of a kind that cannot be decoded.',
      });
    });
  },
);
