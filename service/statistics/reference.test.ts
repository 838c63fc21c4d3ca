import { describe, expect, it } from 'vitest';
import { FEATURES } from './features.js';
import { comparable, type Reference, referenceFault } from './reference.js';
import { ReferenceCounter } from './reference-counter.js';

const { buckets } = FEATURES.contrast;

function referenceOf(features: Reference['features']): Reference {
  return { images: 10, features };
}

describe('ReferenceCounter', () => {
  it('counts each value into the bucket whose upper edge it does not exceed, as Prometheus does', () => {
    const counter = new ReferenceCounter(['cat', 'dog']);
    const size = 100;
    for (const aspect of [0.1, 0.22, 0.9, 5])
      counter.add({ aspect, size }, { labels: ['dog'], scores: [0.95] });
    const { images, features, labels } = counter.result();
    expect(images).toBe(4);
    expect(features['aspect']?.buckets).toEqual(FEATURES.aspect.buckets);
    expect(features['aspect']?.share).toEqual([0.5, 0, 0, 0, 0, 0, 0.25, 0, 0, 0, 0, 0, 0, 0, 0.25]);
    expect(features['confidence']?.share[FEATURES.confidence.buckets.indexOf(0.95)]).toBe(1);
    expect(Object.keys(features)).toEqual(['size', 'aspect', 'confidence']);
    expect(labels).toEqual({ cat: 0, dog: 1 });
  });

  it('makes what the schema of model.json takes, and what production can be compared with', () => {
    const counter = new ReferenceCounter([]);
    for (const contrast of [0, 0.2, 0.5])
      counter.add({ contrast, size: 40, aspect: 1 }, { labels: [], scores: [] });
    const reference = counter.result();
    expect(referenceFault(reference)).toBeUndefined();
    expect(comparable(reference).others).toEqual([]);
    expect(reference).not.toHaveProperty('labels');
  });
});

describe('referenceFault', () => {
  it.each([
    ['loudness', { buckets: [0.5], share: [0.5, 0.5] }, /loudness must be one of/],
    ['contrast', { buckets: [0.5, 0.4], share: [0.5, 0.25, 0.25] }, /must ascend/],
    ['contrast', { buckets: [0.5], share: [1] }, /one number more/],
    ['contrast', { buckets: [0.5], share: [0.5, 0.4] }, /add up to 1/],
  ])('names what is wrong with %s', (name, distribution, fault) => {
    expect(referenceFault(referenceOf({ [name]: distribution }))).toMatch(fault);
  });
});

it('a feature whose edges are not those of the metrics is not compared', () => {
  const even = Array.from({ length: buckets.length + 1 }, () => 1 / (buckets.length + 1));
  const reference = referenceOf({
    contrast: { buckets: [...buckets], share: even },
    brightness: { buckets: [0.5], share: [0.5, 0.5] },
  });
  const { usable, others } = comparable(reference);
  expect([usable.map(([name]) => name), others]).toEqual([['contrast'], ['brightness']]);
});
