import { describe, expect, it } from 'vitest';
import type { TensorInfo } from '../tensor.js';
import { detection } from './detection.js';

const declares = (name: string, ...shape: number[]): TensorInfo => ({ name, type: 'float32', shape });
const ULTRAFACE = [declares('scores', 1, 4420, 2), declares('boxes', 1, 4420, 4)];
const refused = expect.objectContaining({ code: 'MODEL_INCOMPATIBLE' }) as Error;

describe('the decoder of a detector', () => {
  it('is the one that fits, but never one that has to be named', () => {
    expect(detection.resolve({}, ULTRAFACE).decoder).toBe('ssd-corners');
    expect(detection.resolve({ decoder: 'ssd-offsets' }, ULTRAFACE).decoder).toBe('ssd-offsets');
  });

  it('has to be named where two fit', () => {
    const outputs = [declares('logits', -1, 300, 80), declares('pred_boxes', -1, 300, 4)];
    expect(() => detection.resolve({}, outputs)).toThrow(refused);
    expect(detection.resolve({ decoder: 'detr' }, outputs).labels).toHaveLength(79);
  });

  it('takes priors where it starts from some, and a size for each grid', () => {
    const priors = { strides: [16, 32], sizes: [[20, 40], [80]], size_variance: 0.3 };
    expect(detection.resolve({ decoder: 'ssd-offsets', priors }, ULTRAFACE).priors).toEqual({
      strides: [16, 32],
      sizes: [[20, 40], [80]],
      centerVariance: 0.1,
      sizeVariance: 0.3,
    });
    const short = { ...priors, sizes: [[20]] };
    expect(() => detection.resolve({ decoder: 'ssd-offsets', priors: short }, ULTRAFACE)).toThrow(refused);
    expect(() => detection.resolve({ priors }, ULTRAFACE)).toThrow(refused);
  });
});
