import { describe, expect, it } from 'vitest';
import { deriveManifest } from '../../model/derive/derive.js';
import { type Findings, findings, NOTHING_FOUND } from '../../model/derive/findings.js';
import { manifestOf } from '../../model/derive/manifest-of.js';
import { type Manifest, parseManifest } from '../../model/manifest.js';
import { type ModelSpec, resolveModelSpec } from '../../model/model-spec.js';
import type { TensorInfo } from '../../tensor.js';
import { type KnownValue, knownValues } from './known-values.js';
import { manifestText } from './write-manifest.js';

const HEX = 'a'.repeat(64);
const IDENTITY: Manifest = { schema_version: 1, name: 'm', version: '1', file: 'm.onnx', sha256: HEX };
const tensor = (name: string, shape: readonly number[], type = 'float32'): TensorInfo => ({
  name,
  shape,
  type,
});

interface Case {
  readonly input: readonly number[];
  readonly outputs: readonly TensorInfo[];
  readonly found?: Findings;
  readonly properties?: Readonly<Record<string, string>>;
}

function look({ input, outputs, found = NOTHING_FOUND, properties = {} }: Case) {
  const engine = { inputs: [tensor('x', input)], outputs, provider: 'cpu', unavailable: [] };
  const metadata = {
    properties: new Map(Object.entries(properties)),
    externalData: [],
    lastOperations: new Map(),
  };
  const derivation = deriveManifest({ identity: IDENTITY, found, metadata, engine });
  const spec = resolveModelSpec(derivation.manifest, `sha256:${HEX}`, engine);
  const resolve = (manifest: Manifest): ModelSpec => resolveModelSpec(manifest, `sha256:${HEX}`, engine);
  return { values: knownValues(derivation, spec), spec, resolve };
}

const FIT = findings('preprocessor_config.json', {
  task: 'detection',
  'output.decoder': 'detr',
  'output.labels': ['cat'],
  'input.resize.rule': 'fit',
  'input.resize.filter': 'bilinear',
  'input.resize.shortest_edge': 800,
  'input.resize.longest_edge': 1333,
  'input.resize.multiple_of': 16,
});
const CROPPED = findings('preprocessor_config.json', {
  'input.resize.rule': 'stretch',
  'input.resize.filter': 'bicubic',
  'input.resize.stretch_to': { width: 256, height: 256 },
  'input.resize.position': 'center-floor',
  'input.mean': [0.1, 0.2, 0.3],
});
const YOLO = { task: 'detect', stride: '32', names: "{0: 'cat', 1: 'dog'}", imgsz: '[640, 640]' };

const CASES: [string, Case][] = [
  ['a classifier of which nothing is known', { input: [1, 1, 28, 28], outputs: [tensor('y', [1, 10])] }],
  ['one of 1000 classes', { input: [-1, 3, 224, 224], outputs: [tensor('y', [-1, 1000])] }],
  ['channels last', { input: [-1, 224, 200, 3], outputs: [tensor('y', [-1, 5])] }],
  [
    'a stretch before the crop',
    { input: [-1, 3, 224, 224], outputs: [tensor('y', [-1, 5])], found: CROPPED },
  ],
  ['YOLO', { input: [-1, 3, -1, -1], outputs: [tensor('o', [-1, 6, -1])], properties: YOLO }],
  [
    'images of their own sizes',
    {
      input: [-1, 3, -1, -1],
      outputs: [tensor('logits', [-1, 9, 2]), tensor('pred_boxes', [-1, 9, 4])],
      found: FIT,
    },
  ],
  ['an embedding', { input: [-1, 3, 224, 224], outputs: [tensor('last_hidden_state', [-1, 257, 384])] }],
  ['a segmentation', { input: [-1, 3, 64, 64], outputs: [tensor('logits', [-1, 21, 16, 16])] }],
  ['raw outputs', { input: [1, 3, 64, 64], outputs: [tensor('a', [1, 2, 3, 4, 5])] }],
];

describe('the model.json that inspect writes', () => {
  it.each(CASES)('leaves nothing open, and means the same: %s', (_, given) => {
    const { values, spec, resolve } = look(given);
    const text = manifestText(values);
    expect(resolve(parseManifest(text, 'written'))).toEqual(spec);
    const paths = new Set(values.map(({ path }) => path));
    for (const path of [
      'task',
      'input.channels',
      'input.resize.rule',
      'input.scale',
      'input.mean',
      'input.std',
    ])
      expect(paths).toContain(path);
  });

  it('says of each value where it came from', () => {
    const { values } = look({
      input: [-1, 3, -1, -1],
      outputs: [tensor('o', [-1, 6, -1])],
      properties: YOLO,
    });
    const origin = (path: string) => values.find((value: KnownValue) => value.path === path)?.origin;
    expect(['output.labels', 'input.name', 'output.max_detections', 'version'].map(origin)).toEqual([
      'metadata in the ONNX file',
      'shapes in the file',
      'default',
      'digest of the file',
    ]);
  });

  it('says model.json of what that says', async () => {
    const manifest = { ...IDENTITY, task: 'classification', input: { mean: [0.5] }, output: { top_k: 2 } };
    const files = { manifest, findings: undefined } as unknown as Parameters<typeof manifestOf>[0];
    const engine = {
      inputs: [tensor('x', [1, 3, 4, 4])],
      outputs: [tensor('y', [1, 3])],
      provider: 'cpu',
      unavailable: [],
    };
    const derivation = await manifestOf(files, engine);
    const values = knownValues(derivation, resolveModelSpec(manifest, `sha256:${HEX}`, engine));
    const said = values.filter(({ origin }) => origin === 'model.json').map(({ path }) => path);
    expect(said).toEqual(['name', 'version', 'file', 'sha256', 'task', 'input.mean', 'output.top_k']);
  });
});
