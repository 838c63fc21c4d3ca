import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../model/manifest.js';
import { resolveModelSpec } from '../model/model-spec.js';
import { halfToFloat } from '../tensor.js';
import type { InputSpec } from './image.js';
import { createResampler } from './resample.js';
import { goldenImage } from './resample-reference.test-support.js';

/** Made by service/test/parity/make_processors_golden.py, which names who answered. */
interface Golden {
  readonly name: string;
  /** As in model.json. */
  readonly input: {
    readonly layout: 'NCHW' | 'NHWC';
    readonly type: InputSpec['type'];
    readonly width: number;
    readonly height: number;
    readonly channels: InputSpec['channels'];
  };
  readonly answers: readonly {
    readonly source: readonly [width: number, height: number];
    /** The first elements of the tensor. */
    readonly first: readonly number[];
    /** Of all elements as levels 0..255. */
    readonly sha256: string;
  }[];
}

const file = new URL('../test/fixtures/images/processors-golden.json', import.meta.url);
const { references }: { references: Golden[] } = JSON.parse(readFileSync(file, 'utf8'));

/** As a model's manifest and file say it. */
function specOf(input: Golden['input']): InputSpec {
  const common = { schema_version: 1, name: 'any', version: '1', file: 'model.onnx', task: 'raw' };
  const manifest = parseManifest(JSON.stringify({ ...common, input }), 'golden');
  const { layout, type, width, height, channels } = input;
  const depth = channels === 'grey' ? 1 : 3;
  const shape = layout === 'NCHW' ? [-1, depth, height, width] : [-1, height, width, depth];
  const engine = {
    inputs: [{ name: 'image', type, shape }],
    outputs: [{ name: 'output', type: 'float32', shape: [-1, 1] }],
    provider: 'cpu',
    unavailable: [],
  };
  return resolveModelSpec(manifest, 'sha256:', engine).plan.input;
}

function elementsOf(spec: InputSpec, width: number, height: number): number[] {
  const length = spec.width * spec.height * (spec.channels === 'grey' ? 1 : 3);
  const tensor = { float32: Float32Array, float16: Uint16Array, uint8: Uint8Array }[spec.type];
  const elements = new tensor(length);
  createResampler(spec).resampleInto(goldenImage(width, height), elements, 0);
  return Array.from(elements, (element) => (spec.type === 'float16' ? halfToFloat(element) : element));
}

/** Undoes the normalisation. Throws where an element is not what a level becomes. */
function levelsOf(spec: InputSpec, elements: readonly number[]): Uint8Array {
  const depth = spec.mean.length;
  return Uint8Array.from(elements, (element, index) => {
    const channel = spec.layout === 'NHWC' ? index % depth : Math.trunc(index / (spec.width * spec.height));
    const level = (element * (spec.std[channel] ?? 1) + (spec.mean[channel] ?? 0)) / spec.scale;
    if (Math.abs(level - Math.round(level)) > 1e-3) throw new Error(`${level} is not a level`);
    return Math.round(level);
  });
}

describe.each(references)('the input of $name', ({ input, answers }) => {
  it.each(answers)('is what it makes of $source', ({ source, first, sha256 }) => {
    const spec = specOf(input);
    const elements = elementsOf(spec, ...source);
    expect(elements.slice(0, first.length)).toEqual(first.map((value) => expect.closeTo(value, 4)));
    expect(createHash('sha256').update(levelsOf(spec, elements)).digest('hex')).toBe(sha256);
  });
});
