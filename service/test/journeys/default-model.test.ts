import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../model/manifest.js';
import { resolveModelSpec } from '../../model/model-spec.js';
import { testDecoder } from '../../preprocess/decoder.test-support.js';
import { createResampler } from '../../preprocess/resample.js';
import type { Golden } from '../../tasks/task.js';
import { startApp } from '../support/app.js';

const FOLDER = join(import.meta.dirname, '../../models/digits');
const read = (file: string): Buffer => readFileSync(join(FOLDER, file));
const manifest = parseManifest(read('model.json').toString('utf8'), 'model.json');
const goldenImages = (manifest.golden ?? []) as readonly (Golden & {
  readonly predictions: readonly { readonly label: string; readonly score: number }[];
  readonly tolerance: number;
})[];

interface GoldenTensors {
  readonly tensors: readonly { readonly file: string; readonly values: readonly number[] }[];
}

describe('the default model', () => {
  it('reads its golden images when they are posted to the running service', async () => {
    const app = await startApp({ WORKERS: '1' });
    for (const { file, predictions, tolerance } of goldenImages) {
      const response = await app.server.inject({ method: 'POST', url: '/predict', payload: read(file) });
      const [best] = response.json().predictions;
      expect([file, best.label]).toEqual([file, predictions[0]?.label]);
      expect(Math.abs(best.score - (predictions[0]?.score ?? 0)), file).toBeLessThanOrEqual(tolerance);
    }
    expect(goldenImages.length).toBeGreaterThanOrEqual(10);
  });

  it('takes thresholds where its scores lie, and no others', async () => {
    const app = await startApp({ WORKERS: '1' });
    const payload = read(goldenImages[0]?.file ?? '');
    const statusAt = async (threshold: number): Promise<number> =>
      (await app.server.inject({ method: 'POST', url: `/predict?threshold=${threshold}`, payload }))
        .statusCode;
    expect(await Promise.all([0, 0.5, 1, 1.5, -0.1].map(statusAt))).toEqual([200, 200, 200, 400, 400]);
  });

  it('says in /model all that its manifest says and leaves open, and nothing of files', async () => {
    const app = await startApp({ WORKERS: '1' });
    const { manifest: said, tensors } = (await app.server.inject('/model')).json();
    const { name, version, output } = manifest;
    expect(said).toMatchObject({ name, version, task: 'classification', output: { ...(output as object) } });
    expect(said.input).toMatchObject({
      name: tensors.input.name,
      layout: 'NCHW',
      resize: { filter: expect.any(String) },
    });
    expect(Object.keys(said)).not.toContain('file');
    expect(Object.keys(said)).not.toContain('golden');
  });

  it('has a golden image for each of its labels', () => {
    const labels = new Set(goldenImages.map(({ predictions }) => predictions[0]?.label));
    expect([...labels].sort()).toEqual((manifest.output as { labels: string[] }).labels);
  });

  it('reached on data that training never saw what its makers promised', () => {
    const metrics = manifest.metrics as Record<string, { accuracy: number }>;
    expect(metrics['held_out']?.accuracy).toBeGreaterThanOrEqual(0.985);
    expect(metrics['held_out_augmented']?.accuracy).toBeGreaterThanOrEqual(0.95);
  });

  it('gets the same tensor here as in training, to the last bit of the pixels', async () => {
    const engine = {
      inputs: [{ name: 'image', type: 'float32', shape: [-1, 1, -1, -1] }],
      outputs: [{ name: 'logits', type: 'float32', shape: [-1, 10] }],
      provider: 'cpu',
      unavailable: [],
    };
    const spec = resolveModelSpec(manifest, '', engine).plan.input;
    const resampler = createResampler(spec);
    const decoder = testDecoder({ maxPixels: 1e6, spec, concurrency: 1, fastDecoders: 'off' });
    const golden = JSON.parse(read('golden/tensor.json').toString('utf8')) as GoldenTensors;
    for (const { file, values } of golden.tensors) {
      const tensor = new Float32Array(spec.width * spec.height);
      resampler.resampleInto((await decoder.decode(read(file))).pixels, tensor, 0);
      const level = spec.scale / (spec.std[0] ?? 1);
      const apart = values.map((value, index) => Math.abs(value - (tensor[index] ?? Number.NaN)) / level);
      expect(Math.max(...apart), file).toBeLessThan(0.01);
    }
    expect(golden.tensors.length).toBeGreaterThanOrEqual(3);
  });
});
