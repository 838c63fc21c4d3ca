import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseManifest } from '../model/manifest.js';
import { resolveModelSpec } from '../model/model-spec.js';
import {
  MEAN_COLOUR_MANIFEST,
  meanColourModel,
  pickyModel,
  slowModel,
  temporaryFolder,
  writeModelFolder,
} from '../test/support/models.js';
import type { OnnxModel } from '../test/support/onnx.js';
import { crash, watchThreads } from '../test/support/threads.js';
import { describeRunner, levels, plain } from './runner.conformance.js';
import { WorkerPool, type WorkerPoolOptions } from './worker-pool.js';

const MANIFEST = parseManifest(JSON.stringify(MEAN_COLOUR_MANIFEST), 'test');

async function loadPool(model: OnnxModel, options: Partial<WorkerPoolOptions> = {}): Promise<WorkerPool> {
  const folder = await writeModelFolder(model);
  const pool = await WorkerPool.load({
    modelPath: join(folder, 'model.onnx'),
    executionProviders: ['cpu'],
    intraOpThreads: 1,
    workers: 1,
    runTimeoutMs: 30_000,
    loadTimeoutMs: 30_000,
    ...options,
  });
  onTestFinished(() => pool.destroy());
  await pool.prepare(resolveModelSpec(MANIFEST, 'sha256:0', pool.engine).plan);
  return pool;
}

describeRunner('WorkerPool', async (workers) => {
  const threads = watchThreads();
  const runner = await loadPool(pickyModel(), { workers });
  return { runner, loseOne: () => crash(threads[0]) };
});

describe('WorkerPool', () => {
  it('serves a model whose batch is fixed, padding what is missing', async () => {
    const pool = await loadPool(meanColourModel(4));
    const { items } = await pool.run([plain(1, 2, 3), plain(4, 5, 6)]);
    expect(items.map(levels)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  it('gives up a run that takes too long, with its thread, and says so', async () => {
    const losses: string[] = [];
    const pool = await loadPool(slowModel(1024, 60), {
      runTimeoutMs: 20,
      onWorkerLost: (reason) => losses.push(reason),
    });
    await expect(pool.run([plain(1, 2, 3)])).rejects.toMatchObject({ code: 'WORKER_LOST' });
    expect(losses).toEqual(['stuck']);
  });

  it('says which provider is in use and why another is not', async () => {
    const pool = await loadPool(meanColourModel(), { executionProviders: ['cuda', 'cpu'] });
    expect(pool.engine.provider).toBe('cpu');
    expect(pool.engine.unavailable.map(({ provider }) => provider)).toEqual(['cuda']);
  });

  it.each([
    ['is not ONNX', Buffer.from('not a model')],
    ['is empty', Buffer.alloc(0)],
  ])('refuses a file that %s as MODEL_INCOMPATIBLE', async (_, bytes) => {
    const modelPath = join(await temporaryFolder(), 'model.onnx');
    await writeFile(modelPath, bytes);
    const loading = WorkerPool.load({
      modelPath,
      executionProviders: ['cpu'],
      intraOpThreads: 1,
      workers: 2,
      runTimeoutMs: 1000,
      loadTimeoutMs: 30_000,
    });
    await expect(loading).rejects.toMatchObject({ code: 'MODEL_INCOMPATIBLE' });
  });
});
