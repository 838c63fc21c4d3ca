import { readAvifFacts } from './headers/avif.js';
import type { FactsReader, FileFacts } from './headers/facts.js';
import { readGifFacts } from './headers/gif.js';
import { readJpegScans } from './headers/jpeg-scans.js';
import { readPngFacts } from './headers/png-chunks.js';
import { readTiffFacts } from './headers/tiff.js';
import { readWebpFacts } from './headers/webp.js';
import type { ImageFormat } from './image.js';

const READERS: Readonly<Record<Exclude<ImageFormat, 'jpeg'>, FactsReader>> = {
  png: readPngFacts,
  webp: readWebpFacts,
  avif: readAvifFacts,
  gif: readGifFacts,
  tiff: readTiffFacts,
};
/** What a scan costs, against reading the file and turning what it says into pixels, once. */
const SCAN_SHARE = 0.12;

/** With how often the pixels are walked over, where one time is that of an ordinary file. */
export function readFacts(
  bytes: Uint8Array,
  format: ImageFormat,
  maxSteps = Number.POSITIVE_INFINITY,
): FileFacts & { readonly passes: number } {
  if (format !== 'jpeg') return { ...READERS[format](bytes, maxSteps), passes: 1 };
  const facts = readJpegScans(bytes, maxSteps);
  return { ...facts, passes: 1 + SCAN_SHARE * Math.max(0, facts.scans - 1) };
}
