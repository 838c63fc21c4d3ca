import { ServiceError } from '../errors.js';
import { DecodeQueue } from './decode-queue.js';
import type { DecodeRequest, ImageDecoder, ImageHeader } from './decoders/image-decoder.js';
import { loadJpegTurbo } from './decoders/jpeg-turbo.js';
import { createSharpDecoder, type SharpDecoder } from './decoders/sharp.js';
import {
  type DecodedImage,
  IMAGE_FORMATS,
  type ImageFormat,
  type InputSpec,
  type PreparedImage,
} from './image.js';
import { readJpegHeader } from './jpeg-header.js';
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
  /**
   * Where the JPEGs are decoded that libjpeg-turbo is faster at: on the pool like all others, or by the thread that runs
   * the model, which gets them as they are. Off, or where it is not installed: by sharp.
   */
  readonly jpegTurbo: 'pool' | 'thread' | 'off';
  /** auto (default): JPEGs far larger than the input are decoded at a fraction of their size, see reduction.ts. */
  readonly reduce?: 'auto' | 'off';
}

/** What is known of a file before any pixel is paid for. */
export interface InspectedImage {
  readonly bytes: Uint8Array;
  readonly format: ImageFormat;
  readonly decodeMs: number;
  readonly onThread: boolean;
}

/** Turns image files into pixels, off the event loop. */
export interface Decoder {
  /** Decodes, unless that is left to the thread that runs the model. Parameters and errors are those of `decode`. */
  inspect(bytes: Uint8Array): InspectedImage;
  readonly backlogMs: number;
  readonly lanes: number;
  prepare(image: InspectedImage, signal?: AbortSignal): Promise<PreparedImage>;
  /**
   * @param bytes the file; must not change before the promise settles
   * @param signal looked at before the work begins; rejects with its reason
   * @throws IMAGE_TYPE_UNSUPPORTED, IMAGE_DIMENSIONS_EXCEEDED, IMAGE_UNDECODABLE, OVERLOADED
   */
  decode(bytes: Uint8Array, signal?: AbortSignal): Promise<DecodedImage>;
  /** Images being decoded. */
  readonly active: number;
  /** Images waiting for their turn. */
  readonly waiting: number;
  /** Names of the decoders in use, preferred first. */
  readonly decoders: readonly string[];
}

const DEFAULT_FORMATS: ReadonlySet<ImageFormat> = new Set(['jpeg', 'png', 'webp']);
const DEFAULT_MAX_WAITING = 1000;
/** The longest side that a JPEG can have; of other formats, strips beyond it are nobody's photograph. */
const MAX_SIDE = 65_535;

export function createDecoder(options: DecoderOptions): Decoder {
  const { formats = DEFAULT_FORMATS, maxPixels, spec, concurrency } = options;
  const sharp = createSharpDecoder(formats, maxPixels);
  const turbo = options.jpegTurbo === 'off' ? undefined : loadJpegTurbo();
  const onPool = options.jpegTurbo === 'pool' ? turbo : undefined;
  const onThread = options.jpegTurbo === 'thread' ? turbo : undefined;
  const queue = new DecodeQueue(concurrency, options.maxWaiting ?? DEFAULT_MAX_WAITING);
  const requestOf = (bytes: Uint8Array, format: ImageFormat, header: ImageHeader): DecodeRequest => {
    checkSize(header, maxPixels);
    const reducedTo = options.reduce === 'off' ? undefined : reducedSize(spec, format, header);
    return { bytes, format, header, reducedTo };
  };
  const decodeNow = async (bytes: Uint8Array, format: ImageFormat): Promise<DecodedImage> => {
    const file = format === 'png' ? lightened(bytes) : bytes;
    const request = requestOf(file, format, await readHeader(sharp, file, format));
    const pixels = await decodeWith(onPool, sharp, request);
    const { width, height } = request.reducedTo === undefined ? pixels : request.header;
    return { pixels, format, width, height };
  };
  const decode: Decoder['decode'] = async (bytes, signal) => {
    signal?.throwIfAborted();
    const format = formatOf(bytes, formats);
    return queue.run(() => decodeNow(bytes, format), signal);
  };
  return {
    decode,
    inspect: (bytes) => ({ bytes, format: formatOf(bytes, formats), decodeMs: 0, onThread: false }),
    backlogMs: 0,
    lanes: concurrency,
    prepare: async ({ bytes }, signal) => {
      signal?.throwIfAborted();
      const header = formatOf(bytes, formats) === 'jpeg' ? readPlainHeader(bytes) : undefined;
      if (header !== undefined && onThread?.accepts(requestOf(bytes, 'jpeg', header))) {
        const { width, height } = header;
        return { image: { jpeg: bytes, width, height }, format: 'jpeg', width, height };
      }
      const { pixels, ...rest } = await decode(bytes, signal);
      return { image: pixels, ...rest };
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
  const plain = format === 'jpeg' ? readPlainHeader(bytes) : undefined;
  try {
    return plain ?? (await sharp.readHeader(bytes, format));
  } catch (cause) {
    throw undecodable(format, cause);
  }
}

/** What our own reader understands of a JPEG. From orientation 5 on the image lies on its side. */
function readPlainHeader(bytes: Uint8Array): ImageHeader | undefined {
  const jpeg = readJpegHeader(bytes);
  if (jpeg?.orientation === undefined) return undefined;
  const { orientation } = jpeg;
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
  request: DecodeRequest,
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
  const detail = `The ${format.toUpperCase()} file is damaged, incomplete or of a kind that cannot be decoded.`;
  return new ServiceError('IMAGE_UNDECODABLE', detail, { cause });
}
