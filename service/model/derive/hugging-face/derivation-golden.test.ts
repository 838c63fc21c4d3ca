import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inputFor } from '../../../preprocess/geometry.js';
import { createResampler } from '../../../preprocess/resample.js';
import { type Manifest, parseManifest } from '../../manifest.js';
import { resolveModelSpec } from '../../model-spec.js';
import { nested } from '../findings.js';
import { describe as describeExport } from './export.js';

/** Made by test/parity/make_derivation_golden.py. */
interface Case {
  readonly processor: Record<string, unknown>;
  readonly width: number;
  readonly height: number;
  /** By index in the tensor. */
  readonly values: Readonly<Record<string, number>>;
}

const FILE = new URL('../../../test/fixtures/derivation-golden.json', import.meta.url);
const CASES: readonly Case[] = JSON.parse(readFileSync(FILE, 'utf8'));
const [WIDTH, HEIGHT] = [203, 97];
const CONFIG = { model_type: 'x', architectures: ['XForImageClassification'] };
const ENGINE = {
  inputs: [{ name: 'pixel_values', type: 'float32', shape: [-1, 3, -1, -1] }],
  outputs: [{ name: 'logits', type: 'float32', shape: [-1, 10] }],
  provider: 'cpu',
  unavailable: [],
};

function picture(): ArrayBuffer {
  const bytes = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, index) => {
    const [c, x, y] = [index % 3, Math.floor(index / 3) % WIDTH, Math.floor(index / 3 / WIDTH)];
    return (x * 7 + y * 13 + c * 50 + ((x * y) % 31)) % 256;
  });
  return bytes.buffer;
}

function manifestFor(processor: Case['processor']): Manifest {
  const { fields } = describeExport(CONFIG, { name: 'preprocessor_config.json', content: processor });
  const identity = { schema_version: 1, name: 'm', version: '1', file: 'm.onnx' };
  return parseManifest(JSON.stringify({ ...identity, ...nested(fields) }), 'test');
}

describe('images are prepared as transformers prepares them', () => {
  it.each(CASES.map((each) => [JSON.stringify(each.processor), each] as const))('%s', (_, given) => {
    const { input: spec } = resolveModelSpec(manifestFor(given.processor), 'sha256:0', ENGINE).plan;
    const input = inputFor(spec, WIDTH, HEIGHT);
    expect([input.width, input.height]).toEqual([given.width, given.height]);
    const tensor = new Float32Array(3 * input.width * input.height);
    createResampler(input).resampleInto({ data: picture(), width: WIDTH, height: HEIGHT }, tensor, 0);
    const found = Object.keys(given.values).map((index) => tensor[Number(index)]);
    const level = input.scale / Math.min(...input.std);
    for (const [at, wanted] of Object.values(given.values).entries())
      expect(Math.abs((found[at] ?? Number.NaN) - wanted)).toBeLessThan(0.01 * level);
  });
});
