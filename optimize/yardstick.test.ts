import { describe, expect, it } from 'vitest';
import { UsageError } from '../service/cli/outcome.js';
import { checkLabel } from './yardstick.js';

const KNOWN = new Set(['cat', 'dog']);
const BOX = { x_min: 0, y_min: 0, x_max: 10, y_max: 10 };
const check = (task: string, label: Record<string, unknown>) => checkLabel(task, label, KNOWN, 'a.jpg');

describe('checkLabel', () => {
  it('takes what is an answer to the task', async () => {
    await check('classification', { predictions: [{ label: 'cat' }] });
    await check('detection', { predictions: [{ label: 'dog', box: BOX }] });
    await check('detection', { predictions: [] });
    await check('embedding', { embedding: [0.6, 0.8] });
  });

  it.each<[string, Record<string, unknown>]>([
    ['classification', { predictions: [{ label: '1' }] }],
    ['classification', { label: 'cat' }],
    ['detection', { predictions: [{ label: 'cat' }] }],
    ['detection', { predictions: [{ label: 'cat', box: {} }] }],
    ['detection', { predictions: 'cat' }],
    ['embedding', { predictions: [] }],
    ['segmentation', { classes: [] }],
  ])('refuses for %s %j: against it nothing could be lost', async (task, label) => {
    await expect(check(task, label)).rejects.toThrow(UsageError);
  });
});
