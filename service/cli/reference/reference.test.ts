import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseManifest } from '../../model/manifest.js';
import { FEATURES } from '../../statistics/features.js';
import { plainPng } from '../../test/support/images.js';
import {
  MEAN_COLOUR_MANIFEST,
  meanColourModel,
  temporaryFolder,
  writeModelFolder,
} from '../../test/support/models.js';
import { runTyped } from '../../test/support/terminal.js';
import { formatJson } from './format-json.js';

/** Three pictures of one colour each: two red, one blue. */
async function pictures(): Promise<string> {
  const folder = join(await temporaryFolder(), 'pictures');
  await mkdir(folder);
  for (const [index, r] of [255, 255, 0].entries())
    await writeFile(join(folder, `${index}.png`), await plainPng({ r, g: 0, b: 255 - r }, 32, 16));
  return folder;
}

it('counts pictures and answers as metrics do, and puts that into model.json', async () => {
  const model = await writeModelFolder(meanColourModel());
  const { code } = await runTyped(['reference', model, await pictures(), '--write']);
  expect(code).toBe(0);
  const path = join(model, 'model.json');
  const { reference, name } = parseManifest(await readFile(path, 'utf8'), path);
  expect(name).toBe(MEAN_COLOUR_MANIFEST.name);
  expect(reference?.images).toBe(3);
  expect(reference?.labels).toEqual({ red: 0.666667, green: 0, blue: 0.333333 });
  const { share = [] } = reference?.features['aspect'] ?? {};
  expect(share[FEATURES.aspect.buckets.indexOf(2.1)]).toBe(1);
  expect(Object.keys(reference?.features ?? {})).toEqual([
    'brightness',
    'contrast',
    'sharpness',
    'colourfulness',
    'size',
    'aspect',
    'confidence',
  ]);
});

it('prints it without --write, and says with the exit code that a picture could not be read', async () => {
  const model = await writeModelFolder(meanColourModel());
  const folder = await pictures();
  await writeFile(join(folder, 'broken.png'), 'no picture');
  const { code, stdout, stderr } = await runTyped(['reference', model, folder]);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ images: 3 });
  expect(stderr).toContain('broken.png');
});

it('refuses to write beside a model that is elsewhere, and to run without pictures', async () => {
  expect((await runTyped(['reference', 'https://example.org/model.onnx', 'x', '--write'])).code).toBe(2);
  expect((await runTyped(['reference', 'digits'])).code).toBe(2);
});

it('lays JSON out as training does: what fits on a line on one', () => {
  const value = { name: 'a', empty: [], rows: [Array.from({ length: 30 }, (_, index) => index), { b: 1 }] };
  const text = formatJson({ ...value, long: 'x'.repeat(100) });
  expect(JSON.parse(text)).toEqual({ ...value, long: 'x'.repeat(100) });
  expect(text).toContain('\n    {"b": 1}\n  ],');
});
