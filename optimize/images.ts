import { createHash } from 'node:crypto';
import { localImages } from '../service/cli/predict/local-images.js';
import type { ImageFormat } from '../service/preprocess/image.js';

/** A file of the folder of images. */
export interface SampleImage {
  /** Path below the folder. */
  readonly name: string;
  readonly path: string;
  /** Of its bytes: the same picture twice counts once. */
  readonly hash: string;
}

export interface Split<Image> {
  readonly calibrate: readonly Image[];
  readonly prove: readonly Image[];
}

/** More change ranges little, and each costs a run in which every tensor is looked at. */
export const MOST_TO_CALIBRATE = 64;
/** A loss of half a point is known by some 800; each is answered by every candidate. */
export const MOST_TO_PROVE = 2000;
const MOST_BYTES = 64 * 1024 * 1024;

export async function listSampleImages(
  folder: string,
  formats: readonly ImageFormat[],
): Promise<SampleImage[]> {
  const place = localImages(folder, formats);
  const found = new Map<string, SampleImage>();
  for await (const path of place.list()) {
    const hash = createHash('sha256')
      .update(await place.read(path, MOST_BYTES))
      .digest('hex');
    if (!found.has(hash)) found.set(hash, { name: place.relative(path), path, hash });
  }
  return [...found.values()];
}

/**
 * No image is on both sides. Which is where depends on what is in it alone, so that the next run has the same sides.
 * @param canProve whether an image may be proved with: it has a label, where there are labels
 */
export function splitImages<Image extends Pick<SampleImage, 'hash'>>(
  images: readonly Image[],
  canProve: (image: Image) => boolean = () => true,
): Split<Image> {
  const mixed = images.toSorted((one, other) => (one.hash < other.hash ? -1 : 1));
  const wanted = Math.min(MOST_TO_CALIBRATE, Math.ceil(images.length / 4));
  const unfit = mixed.filter((image) => !canProve(image));
  const calibrate = [...unfit, ...mixed.filter(canProve)].slice(0, wanted);
  const taken = new Set(calibrate);
  const prove = mixed.filter((image) => canProve(image) && !taken.has(image)).slice(0, MOST_TO_PROVE);
  return { calibrate, prove };
}
