import { ServiceError } from '../errors.js';
import { decodeFast } from './decoders/decode-fast.js';
import type { ImageDecoder, ImageHeader } from './decoders/image-decoder.js';
import type { SharpDecoder } from './decoders/sharp.js';
import { readFacts } from './file-facts.js';
import { asStillAvif } from './headers/avif.js';
import { withoutExtras } from './headers/png-chunks.js';
import type { DecodedImage, ImageFormat } from './image.js';
import { checkFacts, checkSize, undecodable } from './limits.js';
import { readPlainHeader } from './plain-header.js';
import type { Reduction, Size } from './reduction.js';

export interface FileDecoders {
  /** Of what is common in the file's format; where it refuses a file, the other one judges. */
  readonly fast?: ImageDecoder | undefined;
  readonly sharp: SharpDecoder;
}

export interface DecodeFileOptions {
  readonly maxPixels: number;
  /** How far an image is reduced while it is decoded. */
  readonly reduce: (image: Size) => Reduction;
}

/**
 * One file (which may be changed): header, limits, pixels. Runs in a decode process.
 * Throws IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE.
 */
export async function decodeFile(
  { fast, sharp }: FileDecoders,
  file: Uint8Array,
  format: ImageFormat,
  { maxPixels, reduce }: DecodeFileOptions,
): Promise<DecodedImage> {
  try {
    checkFacts(readFacts(file, format), format, maxPixels);
    const bytes = lightened(file, format);
    const header = await readHeader(sharp, bytes, format);
    checkSize(header, maxPixels);
    const request = { bytes, format, header, ...reduce(header) };
    const decoded = await decodeFast(fast, request);
    if (decoded !== undefined) return decoded;
    const pixels = await sharp.decode(request);
    const { width, height } = request.reducedTo === undefined ? pixels : header;
    return { pixels, format, width, height };
  } catch (error) {
    throw error instanceof ServiceError ? error : undecodable(format, error);
  }
}

function lightened(file: Uint8Array, format: ImageFormat): Uint8Array {
  if (format === 'png') return withoutExtras(file);
  return format === 'avif' ? asStillAvif(file) : file;
}

async function readHeader(sharp: SharpDecoder, bytes: Uint8Array, format: ImageFormat): Promise<ImageHeader> {
  return readPlainHeader(bytes, format) ?? (await sharp.readHeader(bytes, format));
}
