import { describe, expect, it } from 'vitest';
import { TASK_NAMES, taskNamed } from '../service/tasks/tasks.js';
import { GOLDEN_ENTRIES, goldenAnew } from './golden.js';

const OBJECT = { label: 'a', class_id: 0, score: 0.8, box: { x_min: 1, y_min: 2, x_max: 30, y_max: 40 } };
const ANSWERS: Readonly<Record<string, Record<string, unknown>>> = {
  classification: { predictions: [{ label: 'a', class_id: 0, score: 0.9 }] },
  detection: { predictions: [OBJECT] },
  keypoints: { predictions: [{ ...OBJECT, points: [] }] },
  'instance-segmentation': { predictions: [{ ...OBJECT, area: 100, mask: {} }] },
  segmentation: { classes: [{ label: 'road', class_id: 1, share: 0.7 }], mask: {} },
  embedding: { dimensions: 2, embedding: [0.6, 0.8] },
  raw: { outputs: [{ name: 'out', type: 'float32', shape: [2], data: [1, -2] }] },
};

describe('golden entries', () => {
  it.each(TASK_NAMES)('of %s expect the answer that they were made of', (name) => {
    const answer = ANSWERS[name] ?? {};
    const entry = GOLDEN_ENTRIES[name]?.('golden/0.jpg', answer) ?? { file: '' };
    expect(taskNamed(name)?.differs(entry, answer)).toBeUndefined();
  });

  it('keep how near an answer had to be', () => {
    const before = [{ file: 'golden/0.jpg', tolerance: 0.3, iou: 0.7 }];
    const answer = ANSWERS['detection'] ?? {};
    expect(goldenAnew('detection', before, 'golden/0.jpg', answer)).toMatchObject({
      tolerance: 0.3,
      iou: 0.7,
    });
    expect(goldenAnew('detection', before, 'golden/1.jpg', answer)).not.toHaveProperty('iou');
  });
});
