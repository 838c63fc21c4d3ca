import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { startApp } from '../support/app.js';
import { folderAround } from '../support/models.js';

const data = process.env['CV_TEST_DATA'];
const SIDE = 28;
const PEN = 1.6;

type Point = readonly [x: number, y: number];

/** Strokes of a pen, corner to corner, in pixels of 28x28. */
const STROKES: Readonly<Record<string, readonly Point[]>> = {
  0: Array.from({ length: 25 }, (_, step) => [
    14 + 6 * Math.cos((step * Math.PI) / 12),
    14 + 9 * Math.sin((step * Math.PI) / 12),
  ]),
  1: [
    [15, 5],
    [13, 23],
  ],
  4: [
    [17, 23],
    [18, 5],
    [8, 16],
    [22, 16],
  ],
  7: [
    [7, 6],
    [20, 6],
    [12, 23],
  ],
};

/** White on black, as MNIST has it. */
function written(strokes: readonly Point[]): Promise<Buffer> {
  const levels = Uint8Array.from({ length: SIDE * SIDE }, (_, at) => {
    const pixel: Point = [(at % SIDE) + 0.5, Math.trunc(at / SIDE) + 0.5];
    const nearest = Math.min(
      ...strokes.slice(1).map((to, index) => distance(pixel, strokes[index] ?? to, to)),
    );
    return 255 * Math.min(1, Math.max(0, PEN + 0.5 - nearest));
  });
  return sharp(levels, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .png()
    .toBuffer();
}

function distance([x, y]: Point, [fromX, fromY]: Point, [toX, toY]: Point): number {
  const [acrossX, acrossY] = [toX - fromX, toY - fromY];
  const along = ((x - fromX) * acrossX + (y - fromY) * acrossY) / (acrossX ** 2 + acrossY ** 2);
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(x - fromX - share * acrossX, y - fromY - share * acrossY);
}

describe.skipIf(data === undefined)('the MNIST model of CNTK (skipped unless CV_TEST_DATA is set)', () => {
  it('reads digits: one grey channel, a batch of one, a file of 2018', async () => {
    const folder = await folderAround(join(data ?? '', 'models/mnist-cntk/mnist.onnx'), {
      task: 'classification',
      input: { resize: { rule: 'stretch', filter: 'bilinear' } },
      output: { labels: Array.from('0123456789') },
    });
    const app = await startApp({ MODEL_URI: folder });
    for (const [digit, strokes] of Object.entries(STROKES)) {
      const payload = await written(strokes);
      const answer = await app.server.inject({ method: 'POST', url: '/predict', payload });
      expect(answer.json().predictions[0]).toMatchObject({ label: digit });
    }
    expect((await app.server.inject('/model')).json()).toMatchObject({ max_batch_size: 1 });
  });
});
