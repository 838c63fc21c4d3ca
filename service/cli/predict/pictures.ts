import { mkdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, extname, join, resolve, sep } from 'node:path';
import type { Picture, PictureFormat } from '../../drawing/shapes.js';
import { messageOf } from '../../errors.js';
import type { PictureOrder } from '../../predict.js';
import type { ServingModel } from '../../serving/serving-model.js';
import type { Parameters } from '../../tasks/task.js';
import { CannotGoOn, UsageError } from '../outcome.js';
import type { ListedImage } from './list-images.js';

const FORMATS: Readonly<Record<string, PictureFormat>> = {
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.jpe': 'jpeg',
  '.jfif': 'jpeg',
  '.png': 'png',
  '.webp': 'webp',
};

/** Where the pictures of a run go: images with their answers drawn on them. */
export interface Pictures {
  orderFor(image: ListedImage): PictureOrder;
  /** Rejects with CannotGoOn. */
  write(image: ListedImage, picture: Picture): Promise<void>;
}

/**
 * A folder that gets a picture for each image, in the folders that the images are in. What is there is replaced, and no
 * image: throws UsageError where the images are in it or it is in them, where two would have one picture, and where the
 * model's answers are nothing to be seen.
 */
export async function openPictures(
  folder: string,
  images: readonly ListedImage[],
  model: ServingModel,
  parameters: Parameters,
): Promise<Pictures> {
  const orders = new Map<PictureFormat, PictureOrder>();
  for (const format of new Set(Object.values(FORMATS))) {
    const order = model.pictureOrder(format, parameters);
    if (order === undefined) throw new UsageError(`--annotated: nothing of ${model.task} can be drawn`);
    orders.set(format, order);
  }
  const targets = await targetsOf(resolve(folder), images);
  const targetOf = ({ name }: ListedImage): string => targets.get(name) ?? '';
  return {
    orderFor(image) {
      const order = orders.get(formatOf(targetOf(image)));
      if (order === undefined) throw new Error(`no picture of ${image.name}`);
      return order;
    },
    write: (image, { bytes }) => write(targetOf(image), bytes),
  };
}

function formatOf(path: string): PictureFormat {
  return FORMATS[extname(path).toLowerCase()] ?? 'jpeg';
}

/** Paths by the names of the images. */
async function targetsOf(
  folder: string,
  images: readonly ListedImage[],
): Promise<ReadonlyMap<string, string>> {
  for (const { path } of new Set(images.map(({ place }) => place))) await checkApart(folder, path);
  const names = new Map<string, string>();
  for (const { name, place } of images) {
    const relative = place.relative(name);
    const target = join(folder, extname(relative).toLowerCase() in FORMATS ? relative : `${relative}.jpg`);
    if (!isBelow(target, folder)) {
      throw new UsageError(`--annotated: the picture of ${JSON.stringify(name)} would be outside of it`);
    }
    if (names.has(target)) {
      throw new UsageError(
        `--annotated: ${JSON.stringify(names.get(target))} and ${JSON.stringify(name)} would have one picture`,
      );
    }
    names.set(target, name);
  }
  return new Map([...names].map(([target, name]) => [name, target]));
}

/** A picture among the images would be taken for one of them by the next run, or take the place of one. */
async function checkApart(folder: string, typed: string | undefined): Promise<void> {
  if (typed === undefined) return;
  const [pictures, images] = [await realPath(folder), await realPath(resolve(typed))];
  const isFolder = (await stat(images)).isDirectory();
  const isInside = pictures === images || isBelow(pictures, images) || isBelow(images, pictures);
  if (isFolder ? !isInside : dirname(images) !== pictures) return;
  throw new UsageError(`--annotated: the images are in ${JSON.stringify(folder)}, or it is among them`);
}

/** Also of what is not there yet. */
async function realPath(path: string): Promise<string> {
  return realpath(path).catch(async () => {
    const parent = dirname(path);
    return parent === path ? path : join(await realPath(parent), path.slice(parent.length));
  });
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}

/** Whole or not at all, and never through a link that is there. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  const incoming = `${path}.${process.pid}.incoming`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(incoming, bytes, { flag: 'wx' });
    await rename(incoming, path);
  } catch (error) {
    await rm(incoming, { force: true }).catch(() => undefined);
    throw new CannotGoOn(`--annotated ${JSON.stringify(path)} cannot be written: ${messageOf(error)}`);
  }
}
