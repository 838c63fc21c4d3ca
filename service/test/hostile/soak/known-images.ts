import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import sharp from 'sharp';
import type { HonestAnswer } from './honest-answer.js';
import { send } from './http-client.js';

/** An image and what the service must say of it. */
export interface KnownImage {
  readonly name: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly label: string;
  readonly score: number;
  readonly tolerance: number;
  /** As the answer describes it. Few share a size, so that answers that were mixed up are seen as such. */
  readonly image: HonestAnswer['image'];
}

interface Golden {
  readonly file: string;
  readonly predictions: readonly { readonly label: string; readonly score: number }[];
  readonly tolerance: number;
}

type Candidate = Pick<KnownImage, 'name' | 'bytes' | 'contentType' | 'label' | 'tolerance'> & {
  /** Of golden images; of others the service says it when it is alone. */
  readonly score?: number;
};

const MODEL = 'service/models/digits';
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  webp: 'image/webp',
};

/** The golden images of the default model, and the same in other sizes and formats, with what the service says of them alone. */
export async function learnImages(url: string): Promise<KnownImage[]> {
  const golden = await goldenImages();
  const variants = await Promise.all(golden.map(variantsOf));
  const known: KnownImage[] = [];
  for (const candidate of [...golden, ...variants.flat(), await photograph(golden)]) {
    known.push(await learn(url, candidate));
  }
  return known;
}

async function goldenImages(): Promise<Candidate[]> {
  const manifest = JSON.parse(await readFile(join(MODEL, 'model.json'), 'utf8')) as { golden: Golden[] };
  return Promise.all(
    manifest.golden.map(async ({ file, predictions: [best], tolerance }) => {
      if (best === undefined) throw new Error(`${file} has no answer`);
      const bytes = await readFile(join(MODEL, file));
      return { name: file, bytes, contentType: mediaType(file), ...best, tolerance };
    }),
  );
}

/** Larger than the original, by another amount for each, and almost without loss. */
async function variantsOf(golden: Candidate, index: number): Promise<Candidate[]> {
  const larger = sharp(golden.bytes)
    .rotate()
    .resize(210 + 14 * index, 230 + 10 * index, { fit: 'fill' });
  const { name, label, tolerance } = golden;
  const variant = async (extension: string, file: Promise<Buffer>): Promise<Candidate> => {
    const contentType = mediaType(extension);
    return { name: `${name}.${extension}`, bytes: await file, contentType, label, tolerance };
  };
  return Promise.all([
    variant('jpg', larger.clone().jpeg({ quality: 92 }).toBuffer()),
    variant('webp', larger.clone().webp({ quality: 92 }).toBuffer()),
    variant(
      'png',
      larger
        .clone()
        .resize(300 + index, 300)
        .png()
        .toBuffer(),
    ),
  ]);
}

/** As a telephone takes it: 12 megapixels. */
async function photograph([golden]: readonly Candidate[]): Promise<Candidate> {
  if (golden === undefined) throw new Error('the model has no golden images');
  const { label, tolerance } = golden;
  const larger = sharp(golden.bytes).resize(4000, 3000, { fit: 'fill' }).jpeg({ quality: 90 });
  return { name: 'photograph', bytes: await larger.toBuffer(), contentType: 'image/jpeg', label, tolerance };
}

function mediaType(file: string): string {
  const type = MEDIA_TYPES[file.slice(file.lastIndexOf('.') + 1)];
  if (type === undefined) throw new Error(`no media type for ${file}`);
  return type;
}

/** Asks twice, since an answer that changes is no known one. */
async function learn(url: string, candidate: Candidate): Promise<KnownImage> {
  const { bytes, contentType, name, label } = candidate;
  const ask = async (): Promise<HonestAnswer> => {
    const request = { path: '/predict', headers: { 'content-type': contentType }, body: bytes };
    const answer = await send(url, request, { timeoutMs: 10_000 });
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text) as HonestAnswer;
  };
  const [first, second] = [await ask(), await ask()];
  const [best] = first.predictions;
  const isSame = isDeepStrictEqual(first.predictions, second.predictions);
  if (best === undefined || best.label !== label || !isSame) {
    throw new Error(`${name} is not read as ${label}: ${JSON.stringify([first, second])}`);
  }
  return { ...candidate, score: candidate.score ?? best.score, image: first.image };
}
