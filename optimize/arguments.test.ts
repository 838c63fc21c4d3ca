import { describe, expect, it } from 'vitest';
import { UsageError } from '../service/cli/outcome.js';
import { readAsked } from './arguments.js';
import { labelOf, parseLabels } from './labels.js';

const REST = ['--images', 'photos', '--out', 'there'];

describe('readAsked', () => {
  it('takes half a point and python3 where nothing else is said', () => {
    expect(readAsked(['digits', ...REST])).toEqual({
      model: 'digits',
      images: 'photos',
      labels: undefined,
      out: 'there',
      maxLoss: 0.5,
      python: 'python3',
    });
  });

  it.each([
    [REST],
    [['digits', '--out', 'there']],
    [['digits', '--images', 'photos']],
    [['digits', 'more', ...REST]],
    [['digits', '--max-loss', 'much', ...REST]],
    [['digits', '--max-loss', '', ...REST]],
    [['digits', '--max-loss=-1', ...REST]],
    [['digits', '--max-loss', '101', ...REST]],
    [['digits', '--fast', ...REST]],
  ])('refuses %j', (args) => {
    expect(() => readAsked(args)).toThrow(UsageError);
  });
});

describe('parseLabels', () => {
  it('reads CSV, with or without a head', () => {
    const labels = parseLabels('file,label\na.jpg,cat\n"sub/b.jpg","big dog"\r\n');
    expect(labelOf(labels, 'a.jpg')).toEqual({ predictions: [{ label: 'cat' }] });
    expect(labelOf(labels, 'other/a.jpg')).toEqual({ predictions: [{ label: 'cat' }] });
    expect(labelOf(labels, 'sub/b.jpg')).toEqual({ predictions: [{ label: 'big dog' }] });
    expect(labelOf(labels, 'file')).toBeUndefined();
  });

  it('reads JSON lines, as predict writes them', () => {
    const labels = parseLabels('{"file":"photos/a.jpg","task":"detection","predictions":[]}\n');
    expect(labelOf(labels, 'a.jpg')).toMatchObject({ predictions: [] });
  });

  it.each(['a.jpg', 'a.jpg,b,c', '{"file":1}', '{"predictions":[]}', '{nonsense', '{"file":"a"}\nb,c'])(
    'refuses %j',
    (text) => {
      expect(() => parseLabels(text)).toThrow(UsageError);
    },
  );
});
