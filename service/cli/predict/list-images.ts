import type { ImageFormat } from '../../preprocess/image.js';
import type { ImagePlace } from './images.js';
import { localImages } from './local-images.js';
import { type S3ImageOptions, s3Images } from './s3-images.js';
import { isIn, type Shard } from './shard.js';

export interface ListedImage {
  readonly name: string;
  readonly place: ImagePlace;
}

export interface ImageOptions extends S3ImageOptions {
  readonly formats: readonly ImageFormat[];
}

/** A path, or s3:// and what is below it. */
export function openPlace(typed: string, options: ImageOptions): ImagePlace {
  return /^s3:\/\//i.test(typed) ? s3Images(typed, options) : localImages(typed, options.formats);
}

/** The images of a shard, each once, in the order of their names. What comes while they are answered is not among them. */
export async function listImages(places: readonly ImagePlace[], shard: Shard): Promise<ListedImage[]> {
  const found = new Map<string, ListedImage>();
  for (const place of places) {
    for await (const name of place.list()) {
      if (isIn(shard, name) && !found.has(name)) found.set(name, { name, place });
    }
  }
  return [...found.values()];
}
