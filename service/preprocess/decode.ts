import { ServiceError } from '../errors.js';
import { DecodeQueue } from './decode-queue.js';
import type { ImageDecoder, ImageHeader } from './decoders/image-decoder.js';
import { loadJpegTurbo } from './decoders/jpeg-turbo.js';
import { createSharpDecoder, type SharpDecoder } from './decoders/sharp.js';
import { type DecodedImage, IMAGE_FORMATS, type ImageFormat, type InputSpec } from './image.js';
import { type JpegHeader, readJpegHeader } from './jpeg-header.js';
import { PixelBuffers } from './pixel-buffers.js';
import { withoutBaggage } from './png-chunks.js';
import { reducedSize } from './reduction.js';
import { sniffFormat } from './sniff-format.js';

export interface DecoderOptions {
  /** Formats that are taken. Default: jpeg, png, webp. */
  readonly formats?: ReadonlySet<ImageFormat>;
  /** Most pixels of one image, width * height. */
  readonly maxPixels: number;
  /** The model's input: how far a large image may be reduced while it is decoded. */
  readonly spec: InputSpec;
  /** Images decoded at once; no more than the threads of the libuv pool. */
  readonly concurrency: number;
  /** Images that may wait for their turn. Default 1000. */
  readonly maxWaiting?: number;
  /** auto: libjpeg-turbo for the JPEGs that it is faster at, where it is installed. off: sharp for all. */
  readonly jpegTurbo: 'auto' | 'off';
  /** auto (default): JPEGs far larger than the input are decoded at a fraction of their size, see reduction.ts. */
  readonly reduce?: 'auto' | 'off';
}

/** Turns image files into pixels, off the event loop. */
export interface Decoder {
  /**
   * @param bytes the file; must not change before the promise settles
   * @param signal looked at before the work begins; rejects with its reason
   * @throws IMAGE_TYPE_UNSUPPORTED, IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE, OVERLOADED
   */
  decode(bytes: Uint8Array, signal?: AbortSignal): Promise<DecodedImage>;
  /** Takes pixel buffers back that nobody reads any more. */
  recycle(pixelBuffers: readonly ArrayBuffer[]): void;
  /** Images being decoded. */
  readonly active: number;
  /** Images waiting for their turn. */
  readonly waiting: number;
  /** Names of the decoders in use, preferred first. */
  readonly decoders: readonly string[];
}

const DEFAULT_FORMATS: ReadonlySet<ImageFormat> = new Set(['jpeg', 'png', 'webp']);
const DEFAULT_MAX_WAITING = 1000;
/** Pixel buffers kept for later images: a few dozen of 640x480. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
/** The longest side that a JPEG can have; of other formats, strips beyond it are nobody's photograph. */
const MAX_SIDE = 65_535;

export function createDecoder(options: DecoderOptions): Decoder {
  const { formats = DEFAULT_FORMATS, maxPixels, spec, concurrency, reduce } = options;
  const sharp = createSharpDecoder(formats, maxPixels);
  const buffers = new PixelBuffers(MAX_KEPT_BYTES);
  const turbo = options.jpegTurbo === 'auto' ? loadJpegTurbo(buffers) : undefined;
  const queue = new DecodeQueue(concurrency, options.maxWaiting ?? DEFAULT_MAX_WAITING);
  const decodeNow = async (bytes: Uint8Array, format: ImageFormat): Promise<DecodedImage> => {
    const file = format === 'png' ? lightened(bytes) : bytes;
    const header = await readHeader(sharp, file, format);
    checkSize(header, maxPixels);
    const reducedTo = reduce === 'off' ? undefined : reducedSize(spec, format, header);
    const pixels = await decodeWith(turbo, sharp, { bytes: file, format, header, reducedTo });
    const { width, height } = reducedTo === undefined ? pixels : header;
    return { pixels, format, width, height };
  };
  return {
    decode: async (bytes, signal) => {
      signal?.throwIfAborted();
      const format = formatOf(bytes, formats);
      return queue.run(() => decodeNow(bytes, format), signal);
    },
    recycle(pixelBuffers) {
      for (const buffer of pixelBuffers) buffers.give(buffer);
    },
    get active() {
      return queue.active;
    },
    get waiting() {
      return queue.waiting;
    },
    decoders: [...(turbo === undefined ? [] : [turbo.name]), sharp.name],
  };
}

function formatOf(bytes: Uint8Array, formats: ReadonlySet<ImageFormat>): ImageFormat {
  if (bytes.byteLength === 0) throw new ServiceError('IMAGE_UNDECODABLE', 'The image is empty.');
  const { format, name } = sniffFormat(bytes);
  if (format !== undefined && formats.has(format)) return format;
  const seen = format === undefined ? name : `${name} (disabled here)`;
  const allowed = IMAGE_FORMATS.filter((each) => formats.has(each)).join(', ');
  throw new ServiceError('IMAGE_TYPE_UNSUPPORTED', `The content is ${seen}. Allowed: ${allowed}.`);
}

function lightened(png: Uint8Array): Uint8Array {
  const light = withoutBaggage(png);
  if (light === undefined) throw undecodable('png', new Error('too many chunks'));
  return light;
}

async function readHeader(sharp: SharpDecoder, bytes: Uint8Array, format: ImageFormat): Promise<ImageHeader> {
  const jpeg = format === 'jpeg' ? readJpegHeader(bytes) : undefined;
  if (jpeg?.orientation !== undefined) return headerOf(jpeg, jpeg.orientation);
  try {
    return await sharp.readHeader(bytes);
  } catch (cause) {
    throw undecodable(format, cause);
  }
}

/** From orientation 5 on the image lies on its side. */
function headerOf(jpeg: JpegHeader, orientation: number): ImageHeader {
  const [width, height] = orientation >= 5 ? [jpeg.height, jpeg.width] : [jpeg.width, jpeg.height];
  return { width, height, isCmyk: jpeg.components === 4, jpeg };
}

function checkSize({ width, height }: ImageHeader, maxPixels: number): void {
  const measured = `The image has ${width} x ${height} pixels`;
  if (width * height > maxPixels) {
    throw new ServiceError('IMAGE_DIMENSIONS_EXCEEDED', `${measured}; the limit is ${maxPixels} in all.`);
  }
  if (Math.max(width, height) > MAX_SIDE) {
    throw new ServiceError('IMAGE_DIMENSIONS_EXCEEDED', `${measured}; the limit is ${MAX_SIDE} on a side.`);
  }
}

/** Where the fast decoder refuses, the other one judges: errors are the same whichever ran. */
async function decodeWith(
  fast: ImageDecoder | undefined,
  sharp: ImageDecoder,
  request: Parameters<ImageDecoder['decode']>[0],
): Promise<DecodedImage['pixels']> {
  if (fast?.accepts(request)) {
    try {
      return await fast.decode(request);
    } catch {
      // sharp gives the verdict
    }
  }
  try {
    return await sharp.decode(request);
  } catch (cause) {
    throw undecodable(request.format, cause);
  }
}

function undecodable(format: ImageFormat, cause: unknown): ServiceError {
  const detail = `The ${format.toUpperCase()} file is damaged or incomplete and cannot be decoded.`;
  return new ServiceError('IMAGE_UNDECODABLE', detail, { cause });
}
