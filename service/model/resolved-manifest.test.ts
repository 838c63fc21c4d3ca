import { describe, expect, it } from 'vitest';
import type { EngineInfo } from '../inference/runner.js';
import { TASK_NAMES } from '../tasks/tasks.js';
import type { TensorInfo } from '../tensor.js';
import { type Manifest, parseManifest } from './manifest.js';
import { type ModelSpec, resolveModelSpec } from './model-spec.js';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const INPUT: TensorInfo = { name: 'image', type: 'float32', shape: [-1, 3, 224, 200] };
const floats = (name: string, ...shape: number[]): TensorInfo => ({ name, type: 'float32', shape });
const COVER = { rule: 'cover', filter: 'bicubic', shortest_edge: 256 } as const;
const LETTERBOX = { rule: 'letterbox' as const, filter: 'opencv-linear' as const, pad_value: [114] };
/** A model of each task, and one more that leaves little open. */
const MODELS: readonly (readonly [task: string, manifest: Partial<Manifest>, outputs: TensorInfo[]])[] = [
  ['classification', {}, [floats('scores', -1, 10)]],
  [
    'classification',
    { output: { threshold: 0.1, top_k: 3 }, input: { resize: COVER } },
    [floats('scores', -1, 4)],
  ],
  ['detection', { input: { resize: LETTERBOX, scale: 1 } }, [floats('output0', -1, 84, 8400)]],
  ['detection', { output: { decoder: 'yolo-end-to-end' } }, [floats('output0', -1, 300, 6)]],
  [
    'classification',
    {
      input: {
        resize: {
          rule: 'stretch',
          filter: 'bicubic',
          stretch_to: { width: 256, height: 260 },
          position: 'center-floor',
        },
      },
    },
    [floats('scores', -1, 4)],
  ],
  ['keypoints', {}, [floats('output0', -1, 56, 8400)]],
  [
    'detection',
    { output: { decoder: 'ssd-offsets', priors: { strides: [8, 16], sizes: [[10, 16], [32]] } } },
    [floats('scores', -1, 2100, 2), floats('boxes', -1, 2100, 4)],
  ],
  [
    'instance-segmentation',
    { output: { mask_size: 256 } },
    [floats('output0', -1, 116, 8400), floats('output1', -1, 32, 160, 160)],
  ],
  ['segmentation', {}, [floats('logits', -1, 21, 128, 128)]],
  ['segmentation', {}, [{ name: 'classes', type: 'int64', shape: [-1, 128, 128] }]],
  ['embedding', { output: { normalize: true } }, [floats('last_hidden_state', -1, 197, 768)]],
  ['raw', {}, [floats('anything', -1, 3), floats('else', -1, 7, 2)]],
];

function resolved(manifest: Manifest, outputs: readonly TensorInfo[]): ModelSpec {
  const engine: EngineInfo = { inputs: [INPUT], outputs, provider: 'cpu', unavailable: [] };
  return resolveModelSpec(manifest, DIGEST, engine);
}

describe('a resolved manifest', () => {
  it.each(MODELS)('of %s is a manifest, and means the same', (task, part, outputs) => {
    const given: Manifest = { schema_version: 1, name: 'm', version: '1', file: 'm.onnx', task, ...part };
    const spec = resolved(given, outputs);
    const again = parseManifest(JSON.stringify({ ...spec.manifest, file: 'm.onnx' }), 'the resolved one');
    expect(resolved(again, outputs)).toEqual(spec);
  });

  it('is held for every task', () => {
    expect(new Set(MODELS.map(([task]) => task))).toEqual(new Set(TASK_NAMES));
  });

  it('says what the model says of itself, and nothing of files', () => {
    const given: Manifest = {
      schema_version: 1,
      name: 'm',
      version: '1',
      task: 'raw',
      license: 'MIT',
      metrics: { accuracy: 0.9 },
      file: '/secret/m.onnx',
      external_data: ['weights.data'],
      sha256: '0'.repeat(64),
      golden: [{ file: 'golden.png' }],
    };
    const { manifest } = resolved(given, [floats('y', -1, 3)]);
    expect(manifest).toMatchObject({ license: 'MIT', metrics: { accuracy: 0.9 }, output: { names: ['y'] } });
    expect(Object.keys(manifest).sort()).toEqual([
      'input',
      'license',
      'metrics',
      'name',
      'output',
      'schema_version',
      'task',
      'version',
    ]);
  });
});
