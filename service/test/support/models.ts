import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { encodeOnnx, type OnnxModel } from './onnx.js';

/** Mean colour as scores: [N,3,4,4] float32 to the means of its three channels, [N,3]. */
export function meanColourModel(batch: number | string = 'batch'): OnnxModel {
  return {
    inputs: [{ name: 'image', shape: [batch, 3, 4, 4] }],
    outputs: [{ name: 'scores', shape: [batch, 3] }],
    nodes: [
      { op: 'ReduceMean', inputs: ['image'], outputs: ['scores'], attributes: { axes: [2, 3], keepdims: 0 } },
    ],
  };
}

/** As many scores as are asked for, all of them the mean red: a model with many labels. */
export function wideModel(labels: number): OnnxModel {
  const weights = new Float32Array(3 * labels).fill(1, 0, labels);
  return {
    inputs: [{ name: 'image', shape: ['batch', 3, 4, 4] }],
    outputs: [{ name: 'scores', shape: ['batch', labels] }],
    constants: [{ name: 'weights', shape: [3, labels], data: weights }],
    nodes: [
      { op: 'ReduceMean', inputs: ['image'], outputs: ['means'], attributes: { axes: [2, 3], keepdims: 0 } },
      { op: 'MatMul', inputs: ['means', 'weights'], outputs: ['scores'] },
    ],
  };
}

/**
 * As meanColourModel, but any image whose mean red is more than 0.9 above its mean green makes the run of its whole
 * batch fail: the difference becomes an index that lies outside a table of one entry. Grey images, as in warm-up, pass.
 */
export function pickyModel(): OnnxModel {
  return {
    inputs: [{ name: 'image', shape: ['batch', 3, 4, 4] }],
    outputs: [{ name: 'scores', shape: ['batch', 3] }],
    constants: [
      { name: 'table', shape: [1], data: new Float32Array([0]) },
      { name: 'zero', shape: [1], data: new BigInt64Array([0n]) },
      { name: 'one', shape: [1], data: new BigInt64Array([1n]) },
      { name: 'threshold', shape: [1], data: new Float32Array([0.1]) },
    ],
    nodes: [
      { op: 'ReduceMean', inputs: ['image'], outputs: ['means'], attributes: { axes: [2, 3], keepdims: 0 } },
      { op: 'Gather', inputs: ['means', 'zero'], outputs: ['red'], attributes: { axis: 1 } },
      { op: 'Gather', inputs: ['means', 'one'], outputs: ['green'], attributes: { axis: 1 } },
      { op: 'Sub', inputs: ['red', 'green'], outputs: ['redness'] },
      { op: 'Relu', inputs: ['redness'], outputs: ['positive'] },
      { op: 'Add', inputs: ['positive', 'threshold'], outputs: ['raised'] },
      { op: 'Cast', inputs: ['raised'], outputs: ['index'], attributes: { to: 7 } },
      { op: 'Gather', inputs: ['table', 'index'], outputs: ['nothing'], attributes: { axis: 0 } },
      { op: 'Add', inputs: ['means', 'nothing'], outputs: ['scores'] },
    ],
  };
}

/**
 * As meanColourModel, but slow: matrices of `size` by `size` are multiplied `rounds` times for each run.
 * The product is brought to zero, so that the scores stay the means.
 */
export function slowModel(size: number, rounds: number): OnnxModel {
  const steps = Array.from({ length: rounds }, (_, round) => ({
    op: 'MatMul',
    inputs: [round === 0 ? 'seeded' : `step${round - 1}`, 'matrix'],
    outputs: [`step${round}`],
  }));
  return {
    inputs: [{ name: 'image', shape: ['batch', 3, 4, 4] }],
    outputs: [{ name: 'scores', shape: ['batch', 3] }],
    constants: [
      { name: 'matrix', shape: [size, size], data: new Float32Array(size * size) },
      { name: 'none', shape: [1], data: new Float32Array([0]) },
    ],
    nodes: [
      { op: 'ReduceMean', inputs: ['image'], outputs: ['means'], attributes: { axes: [2, 3], keepdims: 0 } },
      { op: 'ReduceMean', inputs: ['means'], outputs: ['one'], attributes: { keepdims: 0 } },
      { op: 'Mul', inputs: ['one', 'none'], outputs: ['nothing'] },
      { op: 'Add', inputs: ['matrix', 'nothing'], outputs: ['seeded'] },
      ...steps,
      { op: 'ReduceMean', inputs: [`step${rounds - 1}`], outputs: ['rest'], attributes: { keepdims: 0 } },
      { op: 'Add', inputs: ['means', 'rest'], outputs: ['scores'] },
    ],
  };
}

export const MEAN_COLOUR_MANIFEST = {
  schema_version: 1,
  name: 'mean-colour',
  version: '1.0.0',
  file: 'model.onnx',
  task: 'classification',
  input: { resize: { rule: 'stretch', filter: 'bilinear' } },
  output: { activation: 'none', labels: ['red', 'green', 'blue'], top_k: 3 },
};

/** A folder of its own for one test, gone when that ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cv-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder with a copy of an ONNX file and a manifest for it. */
export async function folderAround(onnxFile: string, manifest: object): Promise<string> {
  const folder = await temporaryFolder();
  await copyFile(onnxFile, join(folder, 'model.onnx'));
  const common = { schema_version: 1, name: 'model', version: '1.0.0', file: 'model.onnx' };
  await writeFile(join(folder, 'model.json'), JSON.stringify({ ...common, ...manifest }));
  return folder;
}

/** Writes a model and its manifest into a folder and returns that. `sha256` is added. */
export async function writeModelFolder(
  model: OnnxModel,
  manifest: Record<string, unknown> = MEAN_COLOUR_MANIFEST,
  folder?: string,
  otherFiles: Readonly<Record<string, Uint8Array>> = {},
): Promise<string> {
  const target = folder ?? (await temporaryFolder());
  const bytes = encodeOnnx(model);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(target, 'model.onnx'), bytes);
  await writeFile(join(target, 'model.json'), JSON.stringify({ sha256, ...manifest }));
  for (const [name, content] of Object.entries(otherFiles)) await writeFile(join(target, name), content);
  return target;
}
