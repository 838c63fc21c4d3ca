import { describe, expect, it } from 'vitest';
import { predict } from '../support/answers.js';
import { worstHealthMs } from '../support/health-watch.js';
import { noisyPng } from '../support/images.js';
import { MEAN_COLOUR_MANIFEST, writeModelFolder } from '../support/models.js';
import type { OnnxModel } from '../support/onnx.js';
import { startService } from '../support/service-process.js';

const SIDE = 512;
const CLASSES = 21;
const CLIENTS = 4;
const POSTS = 6;
/** A garbage collection of the main thread. */
const SLACK_MS = 15;

/** Scores of 21 classes for each pixel, 22 MB an image: each class likes another mixture of the three channels. */
function segmentationModel(): OnnxModel {
  const weights = Float32Array.from({ length: CLASSES * 3 }, (_, index) => Math.sin(index * 7.3));
  return {
    inputs: [{ name: 'image', shape: ['batch', 3, SIDE, SIDE] }],
    outputs: [
      { name: 'logits', shape: ['batch', CLASSES, SIDE, SIDE] },
      { name: 'shares', shape: ['batch', CLASSES] },
    ],
    constants: [{ name: 'weights', shape: [CLASSES, 3, 1, 1], data: weights }],
    nodes: [
      { op: 'Conv', inputs: ['image', 'weights'], outputs: ['logits'] },
      {
        op: 'ReduceMean',
        inputs: ['logits'],
        outputs: ['shares'],
        attributes: { axes: [2, 3], keepdims: 0 },
      },
    ],
  };
}

/** A client posts again as soon as it has its answer. */
async function postRepeatedly(url: string, image: Buffer): Promise<void> {
  for (let posted = 0; posted < POSTS; posted++) {
    const { status } = await predict(url, image, { 'x-request-timeout-ms': '60000' });
    expect(status).toBe(200);
  }
}

/** While clients post noise to a model of a task. */
async function worstOf(task: Record<string, unknown>, image: Buffer): Promise<number> {
  const { output: _, ...rest } = MEAN_COLOUR_MANIFEST;
  const service = await startService({
    MODEL_URI: await writeModelFolder(segmentationModel(), { ...rest, ...task }),
    MAX_EXPECTED_WAIT_MS: '60000',
    REQUEST_TIMEOUT_MS: '60000',
  });
  const worstMs = await worstHealthMs(service, () =>
    Promise.all(Array.from({ length: CLIENTS }, () => postRepeatedly(service.url, image))),
  );
  await service.stop();
  return worstMs;
}

describe('segmentation of noise, the hardest masks that there are,', () => {
  it('holds up /health no longer than a task with next to no answer: outputs stay in the threads', {
    timeout: 120_000,
  }, async () => {
    const image = await noisyPng(SIDE, SIDE);
    const small = await worstOf({ task: 'embedding', output: { name: 'shares' } }, image);
    const masks = await worstOf({ task: 'segmentation', output: { name: 'logits' } }, image);
    expect(masks).toBeLessThan(2 * small + SLACK_MS);
  });
});
