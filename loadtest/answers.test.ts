import { describe, expect, it } from 'vitest';
import { bestLabel, contentTypeOf, failureName, goldenImages } from './answers.js';

describe('an answer', () => {
  it('says the best label', () => {
    expect(bestLabel('{"predictions":[{"label":"7"},{"label":"3"}]}')).toBe('7');
  });

  it.each(['', 'ok', '{}', 'null', '{"predictions":[]}', '{"predictions":[{"label":7}]}'])(
    'says nothing where it is %j',
    (body) => {
      expect(bestLabel(body)).toBeUndefined();
    },
  );

  it.each([
    [429, '{"code":"OVERLOADED"}', '429 OVERLOADED'],
    [502, '<html>bad gateway</html>', '502'],
    [500, '{}', '500'],
  ])('%d %s is counted as %s', (status, body, name) => {
    expect(failureName(status, body)).toBe(name);
  });
});

describe('a model.json', () => {
  it('names its golden images with their labels', () => {
    const golden = [{ file: 'a.png', predictions: [{ label: 'cat' }] }, { file: 'tensor.json' }];
    expect(goldenImages(JSON.stringify({ golden }))).toEqual([{ file: 'a.png', label: 'cat' }]);
  });

  it.each(['{}', '{"golden":[]}'])('without any is refused: %s', (manifest) => {
    expect(() => goldenImages(manifest)).toThrow(/golden/);
  });
});

it('the type of an image comes from its name', () => {
  expect(['x.JPG', 'x.jpeg', 'x.png', 'x.webp', 'model.onnx', 'README'].map(contentTypeOf)).toEqual([
    'image/jpeg',
    'image/jpeg',
    'image/png',
    'image/webp',
    undefined,
    undefined,
  ]);
});
