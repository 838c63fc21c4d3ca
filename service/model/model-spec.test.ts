import { describe, expect, it } from 'vitest';
import type { EngineInfo } from '../inference/runner.js';
import type { TensorInfo } from '../tensor.js';
import type { Manifest } from './manifest.js';
import { resolveModelSpec } from './model-spec.js';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const MANIFEST: Manifest = {
  schema_version: 1,
  name: 'm',
  version: '1',
  file: 'm.onnx',
  task: 'classification',
};

function engine(input: Partial<TensorInfo> = {}, output: Partial<TensorInfo> = {}): EngineInfo {
  return {
    inputs: [{ name: 'x', type: 'float32', shape: [-1, 3, 224, 200], ...input }],
    outputs: [{ name: 'y', type: 'float32', shape: [-1, 10], ...output }],
    provider: 'cpu',
    unavailable: [],
  };
}

function codeOf(manifest: Partial<Manifest>, info: EngineInfo = engine()): string {
  try {
    resolveModelSpec({ ...MANIFEST, ...manifest }, DIGEST, info);
    return 'none';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('resolveModelSpec', () => {
  it('derives everything from the file where the manifest is silent', () => {
    expect(resolveModelSpec(MANIFEST, DIGEST, engine())).toMatchObject({
      plan: {
        inputName: 'x',
        fixedBatch: undefined,
        outputs: [{ name: 'y', isBatched: true }],
        task: {
          name: 'classification',
          spec: {
            activation: 'softmax',
            topK: 5,
            threshold: Number.NEGATIVE_INFINITY,
            labels: expect.arrayContaining(['LABEL_9']),
          },
        },
        input: {
          layout: 'NCHW',
          type: 'float32',
          width: 200,
          height: 224,
          channels: 'rgb',
          scale: 1 / 255,
          mean: [0, 0, 0],
          std: [1, 1, 1],
          resize: { rule: 'stretch', filter: 'bilinear' },
        },
      },
    });
  });

  it('sees channels in the last dimension, bytes that need no scaling, grey, and a batch that is fixed', () => {
    const { plan } = resolveModelSpec(MANIFEST, DIGEST, engine({ type: 'uint8', shape: [4, 32, 24, 1] }));
    expect(plan).toMatchObject({
      fixedBatch: 4,
      input: { layout: 'NHWC', width: 24, height: 32, channels: 'grey', type: 'uint8', scale: 1, mean: [0] },
    });
  });

  it('takes the first output that can be scores', () => {
    const label = { name: 'label', type: 'int64', shape: [-1] };
    const info = { ...engine(), outputs: [label, ...engine().outputs] };
    expect(resolveModelSpec(MANIFEST, DIGEST, info).plan.outputs).toEqual([{ name: 'y', isBatched: true }]);
  });

  it.each<[string, Partial<Manifest>, EngineInfo?]>([
    ['a width that is not the file’s', { input: { width: 100 } }],
    ['grey for a file with three channels', { input: { channels: 'grey' } }],
    ['an element type that is not the file’s', { input: { type: 'uint8' } }],
    ['an input that the file lacks', { input: { name: 'z' } }],
    ['an output that the file lacks', { output: { name: 'z' } }],
    ['a wrong number of labels', { output: { labels: ['a'] } }],
    ['two means for three channels', { input: { mean: [0, 0] } }],
    ['a size that nobody states', {}, engine({ shape: [-1, 3, -1, -1] })],
    ['classes that nobody counts', {}, engine({}, { shape: [-1, -1] })],
    ['an input that is no image', {}, engine({ shape: [-1, 100] })],
    ['text as input', {}, engine({ type: 'string' })],
    ['scores without a batch', {}, engine({}, { shape: [10] })],
    ['boxes instead of scores', {}, engine({}, { shape: [1, 4420, 2] })],
    ['boxes named as scores', { output: { name: 'y' } }, engine({}, { shape: [1, 4420, 2] })],
    [
      'two inputs and no word which',
      {},
      { ...engine(), inputs: [...engine().inputs, { name: 'mask', type: 'int64', shape: [1] }] },
    ],
  ])('refuses %s as MODEL_INCOMPATIBLE', (_, manifest, info) => {
    expect(codeOf(manifest, info)).toBe('MODEL_INCOMPATIBLE');
  });

  it('fills the mask of DETR, of the size that the file fixes', () => {
    const info = engine({ shape: [-1, 3, -1, -1] });
    const withMask = (shape: readonly number[]) => ({
      ...info,
      inputs: [...info.inputs, { name: 'pixel_mask', type: 'int64', shape }],
    });
    const input = { width: 64, height: 48 };
    const maskOf = (shape: readonly number[]) =>
      resolveModelSpec({ ...MANIFEST, input }, DIGEST, withMask(shape)).plan.mask;
    expect(maskOf([-1, 64, 64])).toEqual({ name: 'pixel_mask', width: 64, height: 64 });
    expect(maskOf([-1, -1, -1])).toEqual({ name: 'pixel_mask' });
  });

  it('lets images have each a size of their own, one by one, where the file lets them', () => {
    const resize = { rule: 'fit', filter: 'bilinear', shortest_edge: 800, longest_edge: 1333 } as const;
    const { plan } = resolveModelSpec(
      { ...MANIFEST, input: { resize } },
      DIGEST,
      engine({ shape: [-1, 3, -1, -1] }),
    );
    expect(plan).toMatchObject({ fixedBatch: 1, input: { width: 1066, height: 800 } });
    expect(codeOf({ input: { resize } })).toBe('MODEL_INCOMPATIBLE');
    const { longest_edge: _, ...unbounded } = resize;
    expect(codeOf({ input: { resize: unbounded } }, engine({ shape: [-1, 3, -1, -1] }))).toBe(
      'MODEL_INCOMPATIBLE',
    );
  });

  it('refuses a file that wants more than an image, whichever of its inputs that is', () => {
    const text = { name: 'input_ids', type: 'int64', shape: [-1, -1] };
    expect(codeOf({ input: { name: 'x' } }, { ...engine(), inputs: [...engine().inputs, text] })).toBe(
      'MODEL_INCOMPATIBLE',
    );
  });
});
