import { describe, expect, it } from 'vitest';
import type { Tensor, TensorInfo } from '../tensor.js';
import { raw } from './raw.js';
import { taskFor } from './tasks.js';

const geometry = {
  width: 1,
  height: 1,
  tensor: { width: 1, height: 1 },
  toImage: { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 },
};

function interpret(tensors: Readonly<Record<string, Tensor>>) {
  const spec = { outputs: Object.keys(tensors).map((name) => ({ name, isBatched: true })) };
  return raw.interpret(new Map(Object.entries(tensors)), geometry, {}, spec).outputs;
}

describe('raw', () => {
  it('gives every output with its type, its shape and its values, as JSON can hold them', () => {
    const outputs = interpret({
      floats: { type: 'float32', data: new Float32Array([0.5, Number.NaN]), shape: [2] },
      halves: { type: 'float16', data: new Uint16Array([0x3c00, 0xc000]), shape: [1, 2] },
      whole: { type: 'int64', data: new BigInt64Array([7n, 2n ** 60n]), shape: [2] },
      bytes: { type: 'uint8', data: new Uint8Array([255]), shape: [1] },
      flags: { type: 'bool', data: new Uint8Array([1, 0]), shape: [2] },
      texts: { type: 'string', data: ['a'], shape: [1] },
    });
    expect(outputs.map(({ name, type, data }) => [name, type, data])).toEqual([
      ['floats', 'float32', [0.5, null]],
      ['halves', 'float16', [1, -2]],
      ['whole', 'int64', [7, String(2n ** 60n)]],
      ['bytes', 'uint8', [255]],
      ['flags', 'bool', [true, false]],
      ['texts', 'string', ['a']],
    ]);
    expect(outputs[1]?.shape).toEqual([1, 2]);
  });

  it('gives no more values than an answer may have', () => {
    const many: Tensor = { type: 'uint8', data: new Uint8Array(10_001), shape: [10_001] };
    expect(() => interpret({ many })).toThrow(expect.objectContaining({ code: 'INFERENCE_FAILED' }) as Error);
    const declared: TensorInfo[] = [{ name: 'many', type: 'uint8', shape: [-1, 10_001] }];
    expect(() => raw.resolve({}, declared)).toThrow(
      expect.objectContaining({ code: 'MODEL_INCOMPATIBLE' }) as Error,
    );
  });

  it('is what a model is taken for that nothing else recognises', () => {
    expect(taskFor([{ name: 'depth', type: 'float32', shape: [-1, 1, 256, 256] }]).name).toBe('raw');
  });

  it('agrees with golden values within the tolerance', () => {
    const answer = { outputs: [{ name: 'a', type: 'float32', shape: [2], data: [1, 2] }] };
    const golden = (data: number[]) => ({ file: 'x', outputs: [{ name: 'a', data }], tolerance: 0.1 });
    expect(raw.differs(golden([1.05, 2]), answer)).toBeUndefined();
    expect(raw.differs(golden([1.2, 2]), answer)).toBe('expected 1.2 at a[0], got 1');
    expect(raw.differs(golden([1]), answer)).toContain('expected 1 values');
  });
});
