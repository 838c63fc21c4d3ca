import { expect, it } from 'vitest';
import { worstHealthMs } from '../support/health-watch.js';
import { multipart, plainPng } from '../support/images.js';
import { startSharedService } from '../support/service-process.js';

/** Gives the image back: nearly as many values as the task returns of one. */
const SIDE = 57;
const MODEL = {
  inputs: [{ name: 'image', shape: ['batch', 3, SIDE, SIDE] }],
  outputs: [{ name: 'values', shape: ['batch', 3, SIDE, SIDE] }],
  nodes: [{ op: 'Relu', inputs: ['image'], outputs: ['values'] }],
};
const MANIFEST = { schema_version: 1, name: 'values', version: '1', file: 'model.onnx', task: 'raw' };
const IMAGES = 32;

it('a batch of the largest answers keeps nobody else waiting', async () => {
  const { service, end } = await startSharedService(MODEL, {}, MANIFEST);
  try {
    const bytes = await plainPng({ r: 91, g: 17, b: 203 }, SIDE, SIDE);
    const form = multipart(Array.from({ length: IMAGES }, () => ({ field: 'files', bytes })));
    const ask = async (): Promise<{ succeeded: number; results: { outputs: { data: number[] }[] }[] }> => {
      const { headers, payload } = form;
      const answer = await fetch(new URL('/predict/batch', service.url), {
        method: 'POST',
        headers,
        body: new Uint8Array(payload),
      });
      return (await answer.json()) as never;
    };
    const { succeeded, results } = await ask();
    expect([succeeded, results.at(-1)?.outputs[0]?.data.length]).toEqual([IMAGES, 3 * SIDE * SIDE]);
    const rounds = [
      await worstHealthMs(service, ask),
      await worstHealthMs(service, ask),
      await worstHealthMs(service, ask),
    ];
    // Others use this machine too: what the service needs is what the best round shows.
    expect(Math.min(...rounds)).toBeLessThan(60);
  } finally {
    await end();
  }
});
