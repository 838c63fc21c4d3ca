import { describe, expect, it } from 'vitest';
import { loadThreadDecoder } from '../preprocess/decoders/jpeg-turbo.js';
import type { PlainJpeg } from '../preprocess/image.js';
import type { Classification } from '../tasks/classification.js';
import { plainRow } from '../test/support/controlled-runner.js';
import { plainJpeg } from '../test/support/images.js';
import type { InferenceRunner, Row, RowResult } from './runner.js';

export interface RunnerUnderTest {
  readonly runner: InferenceRunner;
  /** Makes a thread die before it can finish the next run that it is given. */
  loseOne(): void;
}

/** How a runner serving `pickyModel` (means of the channels; refuses bright red) is made for one test. */
export type MakeRunner = (slots: number) => Promise<RunnerUnderTest>;

export const BRIGHT_RED = [255, 0, 0] as const;

/** An image of 4x4 pixels in one colour. */
export function plain(red: number, green: number, blue: number): Row {
  const data = new Uint8Array(4 * 4 * 3);
  for (let index = 0; index < data.length; index += 3) data.set([red, green, blue], index);
  return plainRow({ data: data.buffer, width: 4, height: 4 });
}

async function jpegOf(red: number, green: number, blue: number): Promise<PlainJpeg> {
  return { jpeg: await plainJpeg({ r: red, g: green, b: blue }, 16, 16, 85), width: 16, height: 16 };
}

/** The means of an image, in levels, as the model gave them; or `failure`. */
export function levels(item: RowResult | undefined): number[] | 'failure' {
  if (item === undefined || !('answer' in item)) return 'failure';
  const { predictions } = item.answer as unknown as { predictions: readonly Classification[] };
  const inOrder = predictions.toSorted((one, other) => one.class_id - other.class_id);
  return inOrder.map(({ score }) => Math.round(score * 255));
}

/** What every engine promises, whatever it is. */
export function describeRunner(name: string, make: MakeRunner): void {
  describe(`${name} as an InferenceRunner`, () => {
    it('answers each image of a batch, in order', async () => {
      const { runner } = await make(1);
      const { items } = await runner.run([plain(10, 20, 30), plain(40, 50, 60), plain(70, 80, 90)]);
      expect(items.map(levels)).toEqual([
        [10, 20, 30],
        [40, 50, 60],
        [70, 80, 90],
      ]);
    });

    it('runs as many batches side by side as it has slots', async () => {
      const { runner } = await make(2);
      expect(runner.slots).toBe(2);
      const results = await Promise.all([runner.run([plain(1, 1, 1)]), runner.run([plain(2, 2, 2)])]);
      expect(results.map(({ items }) => levels(items[0]))).toEqual([
        [1, 1, 1],
        [2, 2, 2],
      ]);
    });

    it('lets only the culprit fail when an image breaks its batch', async () => {
      const { runner } = await make(1);
      const { items } = await runner.run([plain(10, 20, 30), plain(...BRIGHT_RED), plain(70, 80, 90)]);
      expect(items.map(levels)).toEqual([[10, 20, 30], 'failure', [70, 80, 90]]);
    });

    it.skipIf(loadThreadDecoder() === undefined)(
      'decodes JPEGs itself, and hands back the file of one that is damaged (skipped without the optional binding)',
      async () => {
        const { runner } = await make(1);
        const whole = await jpegOf(40, 50, 60);
        const damaged = { ...whole, jpeg: whole.jpeg.slice(0, -20) };
        const file = Buffer.from(damaged.jpeg);
        const part = { ...whole, jpeg: Buffer.concat([Buffer.alloc(9), whole.jpeg]).subarray(9) };
        const batch = [
          plain(10, 20, 30),
          plainRow(damaged),
          plainRow(whole),
          plain(...BRIGHT_RED),
          plainRow(part),
        ];
        const { items, times } = await runner.run(batch);
        expect(items.map(levels)).toEqual([
          [10, 20, 30],
          'failure',
          [40, 50, 60].map((level) => expect.closeTo(level, -1)),
          'failure',
          [40, 50, 60].map((level) => expect.closeTo(level, -1)),
        ]);
        expect(items[1]).toEqual({ returned: new Uint8Array(file) });
        expect(times.map(({ decodeMs }) => decodeMs > 0)).toEqual([false, true, true, false, true]);
      },
    );

    it.skipIf(loadThreadDecoder() === undefined)(
      'hands a file back with its answer where that is to be kept, and takes it for good elsewhere',
      async () => {
        const { runner } = await make(1);
        const [kept, dropped] = [await jpegOf(40, 50, 60), await jpegOf(40, 50, 60)];
        const expected = new Uint8Array(kept.jpeg);
        const { items } = await runner.run([{ ...plainRow(kept), isKept: true }, plainRow(dropped)]);
        expect(items[0]).toEqual({ answer: expect.anything(), file: expected });
        expect(items[1]).toEqual({ answer: expect.anything() });
        expect([kept.jpeg.byteLength, dropped.jpeg.byteLength]).toEqual([0, 0]);
      },
    );

    it('works on after a failure', async () => {
      const { runner } = await make(1);
      await runner.run([plain(...BRIGHT_RED)]);
      const { items } = await runner.run([plain(7, 8, 9)]);
      expect(levels(items[0])).toEqual([7, 8, 9]);
    });

    it('answers WORKER_LOST for a run whose thread dies, then offers the slot again', async () => {
      const { runner, loseOne } = await make(1);
      const grown = new Promise<void>((resolve) => {
        runner.onSlotsGrown = resolve;
      });
      loseOne();
      await expect(runner.run([plain(1, 2, 3)])).rejects.toMatchObject({ code: 'WORKER_LOST' });
      await grown;
      expect(runner.slots).toBe(1);
      const { items } = await runner.run([plain(4, 5, 6)]);
      expect(levels(items[0])).toEqual([4, 5, 6]);
    });

    it('finishes what is under way before it closes', async () => {
      const { runner } = await make(1);
      const run = runner.run([plain(1, 2, 3)]);
      await runner.close();
      expect(levels((await run).items[0])).toEqual([1, 2, 3]);
      await expect(runner.run([plain(1, 2, 3)])).rejects.toMatchObject({ code: 'WORKER_LOST' });
      await runner.close();
    });

    it('drops what is under way when it is destroyed', async () => {
      const { runner } = await make(1);
      const run = expect(runner.run([plain(1, 2, 3)])).rejects.toMatchObject({ code: 'WORKER_LOST' });
      await runner.destroy();
      await run;
      await runner.destroy();
    });
  });
}
