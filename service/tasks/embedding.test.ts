import { describe, expect, it } from 'vitest';
import type { TensorInfo } from '../tensor.js';
import { type EmbeddingSpec, embedding } from './embedding.js';

const geometry = {
  width: 1,
  height: 1,
  tensor: { width: 1, height: 1 },
  toImage: { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 },
};
const declares = (name: string, ...shape: number[]): TensorInfo => ({ name, type: 'float32', shape });

function interpret(
  values: readonly number[],
  shape: readonly number[],
  spec: Partial<EmbeddingSpec>,
  asked = {},
) {
  const outputs = new Map([['out', { type: 'float32', data: Float32Array.from(values), shape } as const]]);
  const whole = { outputName: 'out', pooling: 'none', normalize: false, ...spec } as const;
  return embedding.interpret(outputs, geometry, asked, whole);
}

describe('embedding', () => {
  it('is the vector as the model gives it, or of length 1 where that is wanted', () => {
    expect(interpret([3, 4], [2], {})).toEqual({ dimensions: 2, embedding: [3, 4] });
    expect(interpret([3, 4], [2], { normalize: true }).embedding).toEqual([0.6, 0.8]);
    expect(interpret([0, 0], [2], { normalize: true }).embedding).toEqual([0, 0]);
  });

  it('is the class token, or the mean of all tokens', () => {
    const tokens = [1, 2, 3, 4, 5, 6];
    expect(interpret(tokens, [3, 2], { pooling: 'first' }).embedding).toEqual([1, 2]);
    expect(interpret(tokens, [3, 2], { pooling: 'mean' }).embedding).toEqual([3, 4]);
  });

  it('comes as little-endian 32-bit floats in base64 where that is asked for', () => {
    const { embedding: text, dimensions } = interpret([1.5, -2], [2], {}, { encoding: 'base64' });
    const bytes = Buffer.from(text as string, 'base64');
    expect([dimensions, bytes.readFloatLE(0), bytes.readFloatLE(4)]).toEqual([2, 1.5, -2]);
  });

  it('fails with INFERENCE_FAILED where it is not of numbers', () => {
    expect(() => interpret([1, Number.NaN], [2], {})).toThrow(
      expect.objectContaining({ code: 'INFERENCE_FAILED' }) as Error,
    );
  });

  it.each<[string, TensorInfo[], Partial<EmbeddingSpec>]>([
    ['CLIP', [declares('image_embeds', -1, 512)], { outputName: 'image_embeds', pooling: 'none' }],
    [
      'ViT and DINOv2',
      [declares('last_hidden_state', -1, 197, 768), declares('pooler_output', -1, 768)],
      { outputName: 'pooler_output', pooling: 'none' },
    ],
    [
      'a model with tokens alone',
      [declares('last_hidden_state', -1, 197, 768)],
      { outputName: 'last_hidden_state', pooling: 'first' },
    ],
  ])('knows the output of %s', (_, outputs, expected) => {
    expect(embedding.recognises(outputs)).toBe(true);
    expect(embedding.resolve({}, outputs)).toMatchObject(expected);
  });

  it.each<[string, TensorInfo[], object]>([
    ['an output that is no vector', [declares('map', -1, 21, 64, 64)], {}],
    ['pooling where there are no tokens', [declares('embedding', -1, 512)], { pooling: 'mean' }],
    ['an output that is not there', [declares('embedding', -1, 512)], { name: 'other' }],
  ])('refuses %s as MODEL_INCOMPATIBLE', (_, outputs, manifest) => {
    expect(() => embedding.resolve(manifest, outputs)).toThrow(
      expect.objectContaining({ code: 'MODEL_INCOMPATIBLE' }) as Error,
    );
  });

  it('agrees with a golden one by its direction', () => {
    const golden = { file: 'x.png', embedding: [1, 0] };
    expect(embedding.differs(golden, { dimensions: 2, embedding: [5, 0.01] })).toBeUndefined();
    expect(embedding.differs(golden, { dimensions: 2, embedding: [1, 1] })).toContain('0.7071');
    expect(embedding.differs(golden, { dimensions: 3, embedding: [1, 0, 0] })).toContain('3');
  });
});
