import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { loadPair, type Pipeline } from './pipeline.js';
import { DIGITS_FOLDER, digits } from './subjects.js';
import { mean, row, tableHead } from './table.js';

const VARIANTS = 5;
const SIDES = [640, 1600];

/** The default model on its golden images as large photographs: each many times, of other sizes in their frame, and grainy. */
export async function compareDigits(): Promise<void> {
  const { path, manifest } = await digits();
  const pair = await loadPair(path, manifest);
  const golden = manifest.golden as readonly { readonly file: string }[];
  tableHead('digits, photographs', 'images', 'right by exact', 'right by fast', 'score off: mean, most');
  for (const side of SIDES) {
    const right = { exact: 0, fast: 0 };
    const drifts: number[] = [];
    for (const { file } of golden) {
      const wanted = file.replace('golden/', '').slice(0, 1);
      for (let variant = 0; variant < VARIANTS; variant++) {
        const photograph = await photographOf(join(DIGITS_FOLDER, file), side, variant);
        const [exact, fast] = [await scoresOf(pair.exact, photograph), await scoresOf(pair.fast, photograph)];
        right.exact += best(exact) === wanted ? 1 : 0;
        right.fast += best(fast) === wanted ? 1 : 0;
        drifts.push(Math.abs((exact.get(wanted) ?? 0) - (fast.get(wanted) ?? 0)));
      }
    }
    const most = Math.max(...drifts).toFixed(3);
    row(`${side}x${side}`, drifts.length, right.exact, right.fast, `${mean(drifts).toFixed(4)}, ${most}`);
  }
}

/** Fills 60 to 100 % of the frame, on the colour of its corner. */
async function photographOf(path: string, side: number, variant: number): Promise<Uint8Array> {
  const inner = Math.round(side * (0.6 + (0.4 * variant) / VARIANTS));
  const before = Math.trunc((side - inner) / 2);
  const image = sharp(await readFile(path))
    .autoOrient()
    .removeAlpha()
    .toColourspace('srgb');
  const corner = await image.clone().extract({ left: 0, top: 0, width: 1, height: 1 }).raw().toBuffer();
  const [r = 0, g = 0, b = 0] = corner;
  const noise = { type: 'gaussian', mean: 128, sigma: 4 + variant * 2 } as const;
  const raw = { width: side, height: side, channels: 3 } as const;
  const grain = await sharp({ create: { ...raw, background: 'black', noise } })
    .raw()
    .toBuffer();
  const margin = { top: before, left: before, bottom: side - inner - before, right: side - inner - before };
  const framed = await image
    .resize({ width: inner, height: inner, fit: 'fill', kernel: 'cubic' })
    .extend({ ...margin, background: { r, g, b } })
    .raw()
    .toBuffer();
  return sharp(framed, { raw })
    .composite([{ input: grain, raw, blend: 'soft-light' }])
    .removeAlpha()
    .jpeg({ quality: 85 })
    .toBuffer();
}

async function scoresOf(pipeline: Pipeline, file: Uint8Array): Promise<ReadonlyMap<string, number>> {
  const { predictions } = (await pipeline.answer(file, { top_k: 10, threshold: 0 })) as {
    readonly predictions: readonly { readonly label: string; readonly score: number }[];
  };
  return new Map(predictions.map(({ label, score }) => [label, score]));
}

function best(scores: ReadonlyMap<string, number>): string | undefined {
  return [...scores].toSorted(([, one], [, other]) => other - one)[0]?.[0];
}
