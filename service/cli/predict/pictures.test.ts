import { mkdir, readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { BOX_MANIFEST, boxModel } from '../../test/support/box-model.js';
import { plainJpeg, plainPng } from '../../test/support/images.js';
import { temporaryFolder, writeModelFolder } from '../../test/support/models.js';
import { runTyped } from '../../test/support/terminal.js';
import type { ImagePlace } from './images.js';
import { openPictures } from './pictures.js';

const GREY = { r: 90, g: 90, b: 90 };

/** A folder with photos in it, beside which pictures may go. */
async function workplace(): Promise<string> {
  const folder = await realpath(await temporaryFolder());
  await mkdir(join(folder, 'photos/a'), { recursive: true });
  await writeFile(join(folder, 'photos/a/1.png'), await plainPng(GREY, 200, 100));
  await writeFile(join(folder, 'photos/2.JPG'), await plainJpeg(GREY, 200, 100, 85));
  await writeFile(join(folder, 'photos/a/broken.png'), 'broken');
  return folder;
}

it('pictures are in the folders of the images, which stay as they are', async () => {
  const model = await writeModelFolder(boxModel([[8, 20, 40, 40, 0.9, 0]]), BOX_MANIFEST);
  const folder = await workplace();
  const [photos, pictures] = [join(folder, 'photos'), join(folder, 'pictures')];
  const before = await readFile(join(photos, '2.JPG'));
  await mkdir(join(pictures, 'a'), { recursive: true });
  await symlink(join(photos, '2.JPG'), join(pictures, '2.JPG'));
  const { code, stderr } = await runTyped(['predict', model, photos, '--annotated', pictures]);
  expect(code, stderr).toBe(1);
  const names = await readdir(pictures, { recursive: true });
  expect(names.sort()).toEqual(['2.JPG', 'a', 'a/1.png']);
  expect(await readFile(join(photos, '2.JPG'))).toEqual(before);
  for (const [name, format] of [
    ['a/1.png', 'png'],
    ['2.JPG', 'jpeg'],
  ] as const) {
    const picture = sharp(join(pictures, name));
    expect((await picture.metadata()).format).toBe(format);
    const { channels } = await picture.stats();
    expect(Math.max(...channels.map(({ stdev }) => stdev)), name).toBeGreaterThan(1);
  }
});

const place = (path: string | undefined, relative: (name: string) => string): ImagePlace => ({
  path,
  relative,
  list: async function* () {},
  read: async () => new Uint8Array(),
  close: () => undefined,
});
const MODEL = {
  task: 'any',
  pictureOrder: () => ({ format: 'png', maxSide: 1, drawingOf: () => ({ shapes: [] }) }),
};
const open = (folder: string, images: Parameters<typeof openPictures>[1], model: object = MODEL) =>
  openPictures(folder, images, model as Parameters<typeof openPictures>[2], {});

it.each([
  ['the folder of the images', 'photos'],
  ['a folder in it', 'photos/pictures'],
  ['a folder around it', '.'],
  ['a link to it', 'link'],
])('pictures do not go into %s', async (_, target) => {
  const folder = await workplace();
  await symlink('photos', join(folder, 'link'));
  const photos = join(folder, 'photos');
  const image = { name: join(photos, 'a/1.png'), place: place(photos, () => 'a/1.png') };
  await expect(open(join(folder, target), [image])).rejects.toThrow('--annotated');
});

it('pictures of a file that was typed may be in a folder beside it, not in its own', async () => {
  const folder = await workplace();
  const name = join(folder, 'photos/2.JPG');
  const image = { name, place: place(name, () => '2.JPG') };
  await expect(open(join(folder, 'photos'), [image])).rejects.toThrow('--annotated');
  await open(join(folder, 'photos/pictures'), [image]);
});

it('pictures stay in their folder, whatever keys a bucket has, and each image has its own', async () => {
  const folder = await workplace();
  const bucket = place(undefined, (name) => name.slice('s3://bucket/'.length));
  const at = (...keys: string[]) => keys.map((key) => ({ name: `s3://bucket/${key}`, place: bucket }));
  for (const key of ['../1.png', 'a/../../1.png']) {
    await expect(open(folder, at(key)), key).rejects.toThrow('--annotated');
  }
  await expect(open(folder, at('a.png', './a.png'))).rejects.toThrow('--annotated');
  const pictures = await open(folder, at('/x/1.tiff', '1.png'));
  for (const image of at('/x/1.tiff', '1.png')) {
    await pictures.write(image, { bytes: new Uint8Array(3), format: 'png' });
  }
  expect(await readdir(join(folder, 'x'))).toEqual(['1.tiff.jpg']);
});

it('pictures are refused of answers that are nothing to be seen', async () => {
  const model = { task: 'embedding', pictureOrder: () => undefined };
  await expect(open('pictures', [], model)).rejects.toThrow('--annotated');
});
