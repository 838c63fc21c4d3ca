import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listSampleImages, MOST_TO_CALIBRATE, MOST_TO_PROVE, splitImages } from './images.js';

const images = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ hash: `${(index * 7919) % 10007}` }));

describe('splitImages', () => {
  it.each([2, 5, 40, 3000])('has no image of %i on both sides', (count) => {
    const { calibrate, prove } = splitImages(images(count));
    expect(calibrate.filter((image) => prove.includes(image))).toEqual([]);
    expect(calibrate.length).toBeGreaterThan(0);
    expect(prove.length).toBeGreaterThan(0);
    expect(calibrate.length).toBeLessThanOrEqual(MOST_TO_CALIBRATE);
    expect(prove.length).toBeLessThanOrEqual(MOST_TO_PROVE);
  });

  it('has the same sides whatever the order', () => {
    const all = images(100);
    expect(splitImages(all.toReversed())).toEqual(splitImages(all));
  });

  it('proves with labelled images alone, and calibrates with the others first', () => {
    const all = images(100);
    const labelled = new Set(all.slice(0, 50));
    const { calibrate, prove } = splitImages(all, (image) => labelled.has(image));
    expect(calibrate.filter((image) => labelled.has(image))).toEqual([]);
    expect(prove.length).toBe(50);
  });

  it('leaves nothing to prove with where there is one image', () => {
    expect(splitImages(images(1)).prove).toEqual([]);
  });
});

describe('listSampleImages', () => {
  it('counts the same picture once, and no other files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'optimize-'));
    try {
      for (const name of ['a.jpg', 'b.jpg', 'c.png', 'labels.csv'])
        await writeFile(join(folder, name), name === 'c.png' ? 'other' : 'same');
      const names = (await listSampleImages(folder, ['jpeg', 'png'])).map(({ name }) => name);
      expect(names).toEqual(['a.jpg', 'c.png']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
