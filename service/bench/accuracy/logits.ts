import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { loadPair, type Pipeline } from './pipeline.js';
import { mobileNet } from './subjects.js';
import { mean, row, tableHead } from './table.js';

/** Parts of each photograph: left to right, top to bottom. */
const PARTS = 3;
const WIDTHS = [640, 1920, 3600];

/** How far the outputs of a classifier move, against how far they lie apart from image to image. */
export async function compareLogits(data: string): Promise<void> {
  const pair = await loadPair(mobileNet(data).path, mobileNet(data).manifest);
  const names = (await readdir(join(data, 'images'))).filter((name) =>
    /^(faces|photo-6|Landscape_1)/.test(name),
  );
  tableHead('outputs, MobileNetV2', 'images', 'same best class', 'drift, of the spread between images');
  for (const width of WIDTHS) {
    const files = (await Promise.all(names.map((name) => partsOf(join(data, 'images', name), width)))).flat();
    const exact: number[][] = [];
    const fast: number[][] = [];
    for (const file of files) {
      exact.push(await logitsOf(pair.exact, file));
      fast.push(await logitsOf(pair.fast, file));
    }
    const same = exact.filter((each, index) => bestOf(each) === bestOf(fast[index] ?? [])).length;
    const drift = rms(exact.map((each, index) => apart(each, fast[index] ?? [])));
    const spread = rms(exact.slice(1).map((each, index) => apart(each, exact[index] ?? [])));
    row(`${width} wide`, files.length, same, `${((100 * drift) / spread).toFixed(1)} %`);
  }
}

/** Cut into parts, each enlarged or made smaller to `width`. */
async function partsOf(path: string, width: number): Promise<Uint8Array[]> {
  const file = await readFile(path);
  const whole = await sharp(file).metadata();
  const [across, down] = [Math.trunc(whole.width / PARTS), Math.trunc(whole.height / PARTS)];
  return Promise.all(
    Array.from({ length: PARTS * PARTS }, (_, part) =>
      sharp(file)
        .extract({
          left: (part % PARTS) * across,
          top: Math.trunc(part / PARTS) * down,
          width: across,
          height: down,
        })
        .resize({ width, kernel: 'lanczos3' })
        .jpeg({ quality: 90 })
        .toBuffer(),
    ),
  );
}

async function logitsOf(pipeline: Pipeline, file: Uint8Array): Promise<number[]> {
  const [output] = (await pipeline.answer(file))['outputs'] as readonly { readonly data: number[] }[];
  return output?.data ?? [];
}

function bestOf(logits: readonly number[]): number {
  return logits.indexOf(Math.max(...logits));
}

function apart(one: readonly number[], other: readonly number[]): number {
  return rms(one.map((value, index) => value - (other[index] ?? Number.NaN)));
}

function rms(values: readonly number[]): number {
  return Math.sqrt(mean(values.map((value) => value * value)));
}
