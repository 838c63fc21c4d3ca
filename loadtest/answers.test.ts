import { describe, expect, it } from 'vitest';
import { contentTypeOf, failureName, goldenImages, isRight, labelOf } from './answers.js';

describe('an answer', () => {
  it.each([
    ['classification', '{"predictions":[{"label":"7"},{"label":"3"}]}', '7'],
    ['segmentation', '{"task":"segmentation","classes":[{"label":"sky"}],"mask":{"png":"x"}}', 'sky'],
    ['detection that found nothing', '{"task":"detection","predictions":[]}', 'detection'],
    ['embedding', '{"task":"embedding","embedding":[0.1,0.2]}', 'embedding'],
  ])('of %s is known by its first label, or its task', (_, body, label) => {
    expect(labelOf(body)).toBe(label);
    expect([isRight(body, label), isRight(body, undefined), isRight(body, 'other')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it.each(['', 'ok', '{}', 'null', '{"predictions":[]}', '{"predictions":[{"label":7}]}'])(
    'says nothing where it is %j',
    (body) => {
      expect([labelOf(body), isRight(body, undefined)]).toEqual([undefined, false]);
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
    const golden = [
      { file: 'a.png', predictions: [{ label: 'cat' }] },
      { file: 'b.png', classes: [{ label: 'sky' }] },
      { file: 'c.png', embedding: [1, 0] },
      { file: 'tensor.json' },
    ];
    expect(goldenImages(JSON.stringify({ golden }))).toEqual([
      { file: 'a.png', label: 'cat' },
      { file: 'b.png', label: 'sky' },
      { file: 'c.png', label: undefined },
    ]);
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
