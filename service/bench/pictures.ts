import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { generatePhoto } from './photo.js';

/** A picture as clients send it. */
export interface Picture {
  readonly name: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

const SIZES = [
  { name: '640x480', width: 640, height: 480 },
  { name: '1920x1440', width: 1920, height: 1440 },
] as const;
const LARGE = { name: '12 MP', width: 4000, height: 3000 } as const;
/** What stands for a photograph where there is none. */
const GENERATED = [2400, 1800] as const;

/** One photograph in the formats and sizes that are not the usual small JPEG. */
export async function makePictures(photoPath: string | undefined): Promise<Picture[]> {
  const photo = photoPath === undefined ? await generatePhoto(...GENERATED) : await readFile(photoPath);
  const sized = ({ width, height }: { width: number; height: number }): Sharp =>
    sharp(photo).resize(width, height, { kernel: 'cubic' });
  const encode = async (format: string, size: string, image: Sharp): Promise<Picture> => ({
    name: `${format} ${size}`,
    contentType: `image/${format.toLowerCase()}`,
    body: await image.toBuffer(),
  });
  const others = SIZES.flatMap((size) => [
    encode('WebP', size.name, sized(size).webp({ quality: 80 })),
    encode('PNG', size.name, sized(size).png()),
  ]);
  return Promise.all([encode('JPEG', LARGE.name, sized(LARGE).jpeg({ quality: 85 })), ...others]);
}
