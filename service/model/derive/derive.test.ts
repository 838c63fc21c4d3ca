import { describe, expect, it } from 'vitest';
import type { TensorInfo } from '../../tensor.js';
import type { Manifest } from '../manifest.js';
import { type Derivation, deriveManifest } from './derive.js';
import { type Findings, findings, NOTHING_FOUND } from './findings.js';
import type { OnnxMetadata } from './onnx-metadata.js';

const IDENTITY: Manifest = {
  schema_version: 1,
  name: 'm',
  version: '1',
  file: 'm.onnx',
  sha256: '0'.repeat(64),
};
const tensor = (name: string, shape: readonly number[], type = 'float32'): TensorInfo => ({
  name,
  type,
  shape,
});

interface Given {
  readonly input?: readonly number[];
  readonly outputs: readonly TensorInfo[];
  readonly found?: Findings;
  readonly properties?: Readonly<Record<string, string>>;
  readonly lastOperations?: OnnxMetadata['lastOperations'];
  readonly type?: string;
}

function derive({
  input = [1, 3, 224, 224],
  outputs,
  found = NOTHING_FOUND,
  type,
  ...more
}: Given): Derivation {
  const properties = new Map(Object.entries(more.properties ?? {}));
  const metadata = { properties, externalData: [], lastOperations: more.lastOperations ?? new Map() };
  return deriveManifest({
    identity: IDENTITY,
    found,
    metadata,
    engine: { inputs: [tensor('x', input, type)], outputs, provider: 'cpu', unavailable: [] },
  });
}

const classifier = (classes: number) => [tensor('y', [1, classes])];

describe('a file of which nothing is said', () => {
  it('is a classifier of grey digits by its shapes, with a warning for all that is assumed', () => {
    const { manifest, warnings } = derive({ input: [1, 1, 28, 28], outputs: classifier(10) });
    expect(manifest).toEqual({ ...IDENTITY, task: 'classification', output: { activation: 'softmax' } });
    expect(warnings).toHaveLength(2);
  });

  it('of 1000 classes is taken for one of torchvision, with a warning', () => {
    const { manifest, warnings, fields } = derive({ outputs: classifier(1000) });
    expect(manifest).toMatchObject({
      input: {
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        resize: { rule: 'cover', filter: 'bilinear', shortest_edge: 256 },
      },
    });
    expect(fields.get('input.mean')?.origin).not.toBe('default');
    expect(warnings).toHaveLength(2);
  });

  it('that takes bytes is not asked how they become values', () => {
    const given = { input: [1, 224, 224, 3], type: 'uint8', outputs: [tensor('y', [1, 5])] };
    expect(derive(given).warnings).toHaveLength(1);
  });

  it.each([
    ['Softmax', 'none'],
    ['Sigmoid', 'none'],
    ['Gemm', 'softmax'],
    ['LogSoftmax', 'softmax'],
  ])('and ends in %s has the activation %s', (operation, activation) => {
    const { manifest } = derive({ outputs: classifier(10), lastOperations: new Map([['y', operation]]) });
    expect(manifest).toMatchObject({ output: { activation } });
  });

  it.each<[string, Given, object]>([
    [
      'UltraFace',
      { input: [1, 3, 240, 320], outputs: [tensor('scores', [1, 4420, 2]), tensor('boxes', [1, 4420, 4])] },
      { task: 'detection', input: { scale: 1, mean: [127], std: [128] }, output: { labels: ['face'] } },
    ],
    [
      'YOLOv8',
      { outputs: [tensor('output0', [1, 84, 8400])] },
      { input: { resize: { rule: 'letterbox', pad_value: [114] } }, output: { decoder: 'yolo' } },
    ],
    [
      'YOLOv5',
      { outputs: [tensor('output0', [1, 25_200, 85])] },
      { input: { resize: { rule: 'letterbox' } }, output: { decoder: 'yolo-v5' } },
    ],
    [
      "torchvision's detectors",
      {
        input: [3, 320, 320],
        outputs: [tensor('b', [-1, 4]), tensor('l', [-1], 'int64'), tensor('s', [-1])],
      },
      { task: 'detection', output: { decoder: 'torchvision' } },
    ],
  ])('and has the outputs of %s is prepared as that is', (_, given, expected) => {
    const { manifest, warnings } = derive(given);
    expect(manifest).toMatchObject(expected);
    expect(warnings.length).toBeGreaterThan(0);
  });

  it('and could be two things is asked which, by the name of the field', () => {
    const outputs = [tensor('logits', [1, 100, 92]), tensor('pred_boxes', [1, 100, 4])];
    expect(() => derive({ outputs })).toThrow(
      expect.objectContaining({
        code: 'MODEL_INCOMPATIBLE',
        message: expect.stringContaining('output.decoder'),
      }),
    );
  });
});

const YOLO = { task: 'detect', stride: '32', names: "{0: 'cat', 1: 'dog'}", imgsz: '[640, 640]' };

describe('what is said of a file', () => {
  it('in its own metadata needs no warning', () => {
    const outputs = [tensor('output0', [-1, 6, -1])];
    const { manifest, warnings } = derive({ input: [-1, 3, -1, -1], outputs, properties: YOLO });
    expect(manifest).toMatchObject({
      input: { width: 640 },
      output: { decoder: 'yolo', labels: ['cat', 'dog'] },
    });
    expect(warnings).toEqual([]);
  });

  it('beside it goes with what it says itself, the first of two having the say', () => {
    const found = findings('config.pbtxt', { version: '3', 'input.name': 'x', description: 'mine' });
    const { manifest, fields } = derive({
      outputs: [tensor('o', [1, 6, 8400])],
      properties: YOLO,
      found,
      input: [1, 3, 640, 640],
    });
    expect(manifest).toMatchObject({
      description: 'mine',
      task: 'detection',
      input: { name: 'x' },
      version: '1',
    });
    expect(fields.get('version')?.origin).toBe('config.pbtxt');
  });

  it.each<[string, Given]>([
    [
      'labels in two places',
      {
        found: findings('a', { 'output.labels': ['a', 'b'] }),
        outputs: [tensor('o', [1, 6, 8400])],
        properties: YOLO,
      },
    ],
    [
      'tasks in two places',
      {
        found: findings('a', { task: 'segmentation' }),
        outputs: [tensor('o', [1, 6, 8400])],
        properties: YOLO,
      },
    ],
    [
      'labels and outputs',
      {
        found: findings('a', { task: 'classification', 'output.labels': Array(1000).fill('x') }),
        outputs: classifier(10),
      },
    ],
    ['a task and outputs', { found: findings('a', { task: 'segmentation' }), outputs: classifier(10) }],
    [
      'a softmax twice',
      {
        found: findings('a', { task: 'classification', 'output.activation': 'softmax' }),
        outputs: classifier(3),
        lastOperations: new Map([['y', 'Softmax']]),
      },
    ],
    [
      'a size that no tensor has',
      {
        found: findings('a', { 'input.width': 1e9, 'input.height': 0.5 }),
        outputs: classifier(3),
        input: [1, 3, -1, -1],
      },
    ],
    [
      'numbers that are none',
      {
        found: findings('a', { 'input.std': [0], 'input.scale': Number.POSITIVE_INFINITY }),
        outputs: classifier(3),
      },
    ],
    [
      'more labels than there may be',
      { found: findings('a', { 'output.labels': Array(200_000).fill('x') }), outputs: classifier(-1) },
    ],
  ])('is refused as MODEL_INCOMPATIBLE where it contradicts itself: %s', (_, given) => {
    expect(() => derive(given)).toThrow(expect.objectContaining({ code: 'MODEL_INCOMPATIBLE' }));
  });

  it('stretches images to a file of one size where they would each have their own, with a warning', () => {
    const found = findings('preprocessor_config.json', {
      task: 'detection',
      'output.decoder': 'detr',
      'output.labels': ['a'],
      'input.resize.rule': 'fit',
      'input.resize.filter': 'bilinear',
      'input.resize.shortest_edge': 800,
      'input.resize.longest_edge': 1333,
    });
    const outputs = [tensor('logits', [1, 100, 2]), tensor('pred_boxes', [1, 100, 4])];
    const { manifest, warnings } = derive({ found, outputs });
    expect(manifest.input?.resize).toEqual({ rule: 'stretch', filter: 'bilinear' });
    expect(warnings).toHaveLength(1);
  });

  it('and its task has no use for is left out, with a warning', () => {
    const found = findings('config.pbtxt', { 'output.labels': ['a', 'b'] });
    const { manifest, warnings } = derive({ found, outputs: [tensor('embedding', [1, 128])] });
    expect(manifest).toMatchObject({ task: 'embedding' });
    expect(warnings.length).toBeGreaterThan(0);
  });
});
