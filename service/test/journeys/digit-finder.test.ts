import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseManifest } from '../../model/manifest.js';
import type { GoldenObjects } from '../../tasks/detection/golden-objects.js';
import type { Detection } from '../../tasks/detection.js';
import { startApp } from '../support/app.js';

const FOLDER = join(import.meta.dirname, '../../models/digit-finder');
const MAX_BYTES = 2_000_000;
const read = (file: string): Buffer => readFileSync(join(FOLDER, file));
const manifest = parseManifest(read('model.json').toString('utf8'), 'model.json');
const goldenImages = (manifest.golden ?? []) as readonly GoldenObjects[];

const byPlace = (one: Pick<Detection, 'box'>, other: Pick<Detection, 'box'>): number =>
  one.box.x_min - other.box.x_min;

describe('the model that finds digits', () => {
  it('starts, its golden images proven, and finds every digit of a scene with its box', async () => {
    const app = await startApp({ MODEL_URI: FOLDER });
    const [scene] = goldenImages;
    const payload = read(scene?.file ?? '');
    const answer = await app.server.inject({ method: 'POST', url: '/predict', payload });
    const found = (answer.json().predictions as Detection[]).toSorted(byPlace);
    const expected = (scene?.predictions ?? []).toSorted(byPlace);
    expect(found.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
    for (const [index, { box }] of found.entries()) {
      for (const [side, at] of Object.entries(expected[index]?.box ?? {})) {
        expect(Math.abs(box[side as keyof Detection['box']] - at)).toBeLessThan(1);
      }
    }
    expect(found.length).toBeGreaterThanOrEqual(5);
  });

  it('stays below 2 MB', () => {
    const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true }).filter((each) =>
      each.isFile(),
    );
    const bytes = files.map((each) => statSync(join(each.parentPath, each.name)).size);
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(MAX_BYTES);
  });
});
