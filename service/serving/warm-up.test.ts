import { describe, expect, it } from 'vitest';
import type { Row, RunResult } from '../inference/runner.js';
import { parseManifest } from '../model/manifest.js';
import { resolveModelSpec } from '../model/model-spec.js';
import type { Pixels } from '../preprocess/image.js';
import { MEAN_COLOUR_MANIFEST } from '../test/support/models.js';
import { warmUp } from './warm-up.js';

const SPEC = resolveModelSpec(parseManifest(JSON.stringify(MEAN_COLOUR_MANIFEST), 'test'), 'sha256:0', {
  inputs: [{ name: 'image', type: 'float32', shape: [-1, 3, 4, 4] }],
  outputs: [{ name: 'scores', type: 'float32', shape: [-1, 3] }],
  provider: 'cpu',
  unavailable: [],
});

/** Answers everything, and remembers how many images came in each run and which kinds of image there were. */
function engineWith(slots: number) {
  const sizes: number[] = [];
  const kinds = new Set<string>();
  const run = async (batch: readonly Row[]): Promise<RunResult> => {
    sizes.push(batch.length);
    for (const { image } of batch) kinds.add(Buffer.from((image as Pixels).data).toString('hex'));
    return { items: batch.map(() => ({ answer: {} })), times: [], resampleMs: 0, runMs: 0 };
  };
  return { engine: { slots, run }, sizes, kinds };
}

describe('warmUp', () => {
  it.each([
    { slots: 1, maxBatchSize: 4, expected: [1, 4] },
    { slots: 2, maxBatchSize: 4, expected: [1, 1, 4, 4] },
    { slots: 1, maxBatchSize: 2, expected: [1, 2] },
    { slots: 3, maxBatchSize: 1, expected: [1, 1, 1] },
    { slots: 1, maxBatchSize: 1, expected: [1, 1, 1] },
  ])(
    'shows three kinds of image in as few runs as warm $slots threads for batches of $maxBatchSize',
    async ({ slots, maxBatchSize, expected }) => {
      const { engine, sizes, kinds } = engineWith(slots);
      await warmUp(engine, SPEC.plan.input, { maxBatchSize, runTimeoutMs: 1000 });
      expect([sizes, kinds.size]).toEqual([expected, 3]);
    },
  );
});
