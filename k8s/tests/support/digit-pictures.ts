import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { ROOT } from './expressions.js';

const GOLDEN = join(ROOT, 'service/models/digits/golden');

/** A picture of a digit, and which one it is. */
export interface DigitPicture {
  readonly label: string;
  readonly bytes: Buffer;
}

/** How bright and how large, each between 0 and 1. */
type Look = readonly [brightness: number, size: number];

/** Evenly spread over all looks, others for each offset: additive recurrences by the plastic number. */
function lookOf(index: number, offset: number): Look {
  return [(offset + index * 0.7548776662466927) % 1, (offset + index * 0.5698402909980532) % 1];
}

/** The golden images of the default model, each in many looks; no two are the same. */
export async function digitPictures(
  count: number,
  offset: number,
  change = (image: Sharp): Sharp => image,
): Promise<DigitPicture[]> {
  const golden = readdirSync(GOLDEN)
    .filter((file) => /^\d-.*\.(png|jpg|webp)$/.test(file))
    .map((file) => ({ label: file.slice(0, 1), bytes: readFileSync(join(GOLDEN, file)) }));
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const { label, bytes } = golden[index % golden.length] ?? { label: '', bytes: Buffer.of() };
      const [brightness, size] = lookOf(index, offset);
      const side = Math.round(48 + 48 * size);
      const image = sharp(bytes)
        .autoOrient()
        .flatten({ background: 'white' })
        .resize(side, side)
        .linear(0.7 + 0.3 * brightness, 20);
      // An image of sharp's is one pipeline: what is changed is what has come out of it.
      const ordinary = await image.png().toBuffer();
      return { label, bytes: await change(sharp(ordinary)).png().toBuffer() };
    }),
  );
}
