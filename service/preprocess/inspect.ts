import { ServiceError } from '../errors.js';
import type { CostKind, DecodeCosts } from './decode-costs.js';
import type { ImageHeader } from './decoders/image-decoder.js';
import { readAvifFacts } from './headers/avif.js';
import type { FileFacts } from './headers/facts.js';
import { readGifFacts } from './headers/gif.js';
import { readJpegScans } from './headers/jpeg-scans.js';
import { readPngFacts } from './headers/png-chunks.js';
import { readTiffFacts } from './headers/tiff.js';
import { readWebpFacts } from './headers/webp.js';
import { IMAGE_FORMATS, type ImageFormat } from './image.js';
import { checkSize } from './limits.js';
import { readPlainHeader } from './plain-header.js';
import { sniffFormat } from './sniff-format.js';

/** What is known of a file before any pixel is paid for. */
export interface InspectedImage {
  readonly bytes: Uint8Array;
  readonly format: ImageFormat;
  /** Expected time to decode it, milliseconds of one process or thread, by format and pixels as measured so far. */
  readonly decodeMs: number;
  /** Whether the thread that runs the model decodes it (else a decode process does). */
  readonly onThread: boolean;
  /** Of a JPEG that our own reader understood. */
  readonly header: ImageHeader | undefined;
  /** What its cost is learned by: how many pixels, each as often as it is walked over. */
  readonly work: { readonly kind: CostKind; readonly pixels: number };
}

export interface InspectOptions {
  readonly formats: ReadonlySet<ImageFormat>;
  readonly maxPixels: number;
  readonly costs: DecodeCosts;
  /** Whether the thread that runs the model takes a JPEG with this header. */
  readonly goesToThread: (bytes: Uint8Array, header: ImageHeader) => boolean;
}

/** A file whose size only its decoder can read is taken for one of so many pixels a byte. */
const GUESSED_PIXELS_PER_BYTE = 50;
/** Against reading the file and turning what it says into pixels, once. */
const SCAN_SHARE = 0.12;

/** Throws IMAGE_TYPE_UNSUPPORTED, IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE. */
export function inspect(bytes: Uint8Array, options: InspectOptions): InspectedImage {
  const format = formatOf(bytes, options.formats);
  const facts = readFacts(bytes, format);
  const { size, excess, passes } = facts;
  if (size !== undefined) checkSize(size, options.maxPixels);
  if (excess !== undefined) {
    const detail = `The ${format.toUpperCase()} file has ${excess}, which is the limit.`;
    throw new ServiceError('IMAGE_UNDECODABLE', detail);
  }
  const header = format === 'jpeg' ? readPlainHeader(bytes) : undefined;
  const onThread = header !== undefined && options.goesToThread(bytes, header);
  const kind = onThread ? 'thread' : format;
  const work = { kind, pixels: pixelsOf(facts, bytes, options.maxPixels) * passes } as const;
  const decodeMs = options.costs.estimateMs(work.kind, work.pixels);
  return { bytes, format, decodeMs, onThread, header, work };
}

function formatOf(bytes: Uint8Array, formats: ReadonlySet<ImageFormat>): ImageFormat {
  if (bytes.byteLength === 0) throw new ServiceError('IMAGE_UNDECODABLE', 'The image is empty.');
  const { format, name } = sniffFormat(bytes);
  if (format !== undefined && formats.has(format)) return format;
  const seen = format === undefined ? name : `${name} (disabled here)`;
  const allowed = IMAGE_FORMATS.filter((each) => formats.has(each)).join(', ');
  throw new ServiceError('IMAGE_TYPE_UNSUPPORTED', `The content is ${seen}. Allowed: ${allowed}.`);
}

const READERS: Readonly<Record<Exclude<ImageFormat, 'jpeg'>, (bytes: Uint8Array) => FileFacts>> = {
  png: readPngFacts,
  webp: readWebpFacts,
  avif: readAvifFacts,
  gif: readGifFacts,
  tiff: readTiffFacts,
};

/** With how often the pixels are walked over, where one time is that of an ordinary file. */
function readFacts(bytes: Uint8Array, format: ImageFormat): FileFacts & { readonly passes: number } {
  if (format !== 'jpeg') return { ...READERS[format](bytes), passes: 1 };
  const facts = readJpegScans(bytes);
  return { ...facts, passes: 1 + SCAN_SHARE * Math.max(0, facts.scans - 1) };
}

function pixelsOf({ size, roughPixels }: FileFacts, bytes: Uint8Array, maxPixels: number): number {
  const pixels = size === undefined ? roughPixels : size.width * size.height;
  return Math.min(maxPixels, pixels || bytes.byteLength * GUESSED_PIXELS_PER_BYTE);
}
