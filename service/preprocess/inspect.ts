import { ServiceError } from '../errors.js';
import type { CostKind, DecodeCosts } from './decode-costs.js';
import type { ImageHeader } from './decoders/image-decoder.js';
import { readFacts } from './file-facts.js';
import type { FileFacts } from './headers/facts.js';
import { IMAGE_FORMATS, type ImageFormat } from './image.js';
import { checkFacts } from './limits.js';
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
  /** Of an ordinary JPEG that our own reader understood. */
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
/** Markers, chunks or blocks that are looked at here, 20-60 ns each: the decode process looks at all. */
const MAX_STEPS = 30_000;
/** A JPEG whose components come one after the other has four scans at most; more are for a process that can be ended. */
const MAX_PLAIN_PASSES = 1.5;

/** Throws IMAGE_TYPE_UNSUPPORTED, IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE. */
export function inspect(bytes: Uint8Array, options: InspectOptions): InspectedImage {
  const format = formatOf(bytes, options.formats);
  const facts = readFacts(bytes, format, MAX_STEPS);
  checkFacts(facts, format, options.maxPixels);
  const isPlain = format === 'jpeg' && facts.isComplete && facts.passes <= MAX_PLAIN_PASSES;
  const header = isPlain ? readPlainHeader(bytes, format) : undefined;
  const onThread = header !== undefined && options.goesToThread(bytes, header);
  const kind = onThread ? 'thread' : format;
  const work = { kind, pixels: pixelsOf(facts, bytes, options.maxPixels) * facts.passes } as const;
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

function pixelsOf({ size, roughPixels }: FileFacts, bytes: Uint8Array, maxPixels: number): number {
  const pixels = size === undefined ? roughPixels : size.width * size.height;
  return Math.min(maxPixels, pixels || bytes.byteLength * GUESSED_PIXELS_PER_BYTE);
}
