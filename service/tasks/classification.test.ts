import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServiceError } from '../errors.js';
import { type ClassificationSpec, classification } from './classification.js';

const options: ClassificationSpec = {
  outputName: 'scores',
  activation: 'softmax',
  labels: ['a', 'b', 'c'],
  topK: 3,
  threshold: 0,
};
const geometry = {
  width: 1,
  height: 1,
  tensor: { width: 1, height: 1 },
  toImage: { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 },
};

function classify(values: Float32Array, spec: ClassificationSpec) {
  const outputs = new Map([['scores', { type: 'float32', data: values, shape: [values.length] } as const]]);
  return classification.interpret(outputs, geometry, {}, spec).predictions;
}

describe('classification', () => {
  it('gives labels and scores, best first', () => {
    const predictions = classify(new Float32Array([0, 2, 1]), options);
    expect(predictions.map(({ label, class_id }) => [label, class_id])).toEqual([
      ['b', 1],
      ['c', 2],
      ['a', 0],
    ]);
    expect(predictions[0]?.score).toBeCloseTo(0.6652, 4);
  });

  it('softmax scores add up to 1, also for logits that overflow', () => {
    const logits = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 3,
      maxLength: 3,
    });
    fc.assert(
      fc.property(logits, (values) => {
        const sum = classify(new Float32Array(values), options).reduce(
          (total, { score }) => total + score,
          0,
        );
        expect(sum).toBeCloseTo(1, 5);
      }),
    );
  });

  it('sigmoid scores each label on its own', () => {
    const scores = classify(new Float32Array([0, 100, -100]), { ...options, activation: 'sigmoid' });
    expect(scores.map(({ score }) => score)).toEqual([1, 0.5, expect.closeTo(0, 5)]);
  });

  it('leaves values alone where the model has done the work', () => {
    const scores = classify(new Float32Array([0.25, 0.5, 0.125]), { ...options, activation: 'none' });
    expect(scores.map(({ score }) => score)).toEqual([0.5, 0.25, 0.125]);
  });

  it('returns none below the threshold and no more than asked for', () => {
    const values = new Float32Array([0.25, 0.5, 0.125]);
    expect(classify(values, { ...options, activation: 'none', threshold: 0.25 })).toHaveLength(2);
    expect(classify(values, { ...options, activation: 'none', topK: 1 })).toHaveLength(1);
  });

  it.each([
    ['the number of scores is not that of the labels', new Float32Array([1, 2])],
    ['a score is not a number', new Float32Array([1, Number.NaN, 2])],
  ])('fails with INFERENCE_FAILED when %s', (_, values) => {
    expect(() => classify(values, options)).toThrow(
      expect.objectContaining({ code: 'INFERENCE_FAILED' }) as ServiceError,
    );
  });
});
