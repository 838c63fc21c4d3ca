import { createRequire } from 'node:module';
import type { Pixels, PlainJpeg } from '../image.js';
import type { Size } from '../reduction.js';
import type { DecodeRequest, ImageDecoder } from './image-decoder.js';

type Binding = Pick<typeof import('@julusian/jpeg-turbo'), 'decompress' | 'decompressSync' | 'FORMAT_RGB'>;

/** Beyond this the other decoder catches up, and the buffer that each thread keeps is no longer small. */
const MAX_PIXELS = 8_000_000;
/**
 * The binding asks for the fast inverse DCT, whose error grows as the tables get finer. At this sum, about quality 92,
 * it is within 9 levels of the exact one even on noise; at quality 100 it would be 46.
 */
const MIN_QUANTISATION = 550;

/**
 * libjpeg-turbo for the common JPEG: sequential, grey or YCbCr, upright. Twice as fast as sharp on a small photograph.
 * Undefined where the optional binding is not installed or does not load.
 */
export function loadJpegTurbo(): ImageDecoder | undefined {
  const binding = loadBinding();
  return binding && { name: 'jpeg-turbo', accepts, decode: (request) => decode(binding, request) };
}

/** The same on the calling thread, for what `accepts` has taken. */
export function loadThreadDecoder(): ThreadDecoder | undefined {
  const binding = loadBinding();
  return binding && new ThreadDecoder(binding);
}

function loadBinding(): Binding | undefined {
  try {
    return createRequire(import.meta.url)('@julusian/jpeg-turbo');
  } catch {
    return undefined;
  }
}

/** Whole, also where it might be reduced: that is faster. */
function accepts({ header: { jpeg } }: DecodeRequest): boolean {
  if (jpeg === undefined || jpeg.width * jpeg.height > MAX_PIXELS) return false;
  const isPlain = jpeg.isSequential && jpeg.precision === 8 && jpeg.orientation === 1;
  const isCoarse = jpeg.finestQuantisation >= MIN_QUANTISATION;
  return isPlain && isCoarse && (jpeg.components === 1 || jpeg.isYcc);
}

async function decode(binding: Binding, { bytes, header }: DecodeRequest): Promise<Pixels> {
  const { width, height } = header;
  const target = Buffer.allocUnsafeSlow(width * height * 3);
  const decoded = await binding.decompress(asBuffer(bytes), target, { format: binding.FORMAT_RGB });
  return pixelsOf(target, decoded, header);
}

/** Decodes into memory that it uses again: fresh memory costs a page fault for each 4 KiB. */
export class ThreadDecoder {
  readonly #binding: Binding;
  #target = Buffer.alloc(0);

  constructor(binding: Binding) {
    this.#binding = binding;
  }

  /** The pixels stay until the next call, and may lie in a larger buffer. Throws where the file is damaged or ends early. */
  decode({ jpeg, width, height }: PlainJpeg): Pixels {
    const size = width * height * 3;
    if (this.#target.length < size) this.#target = Buffer.allocUnsafeSlow(size);
    const decoded = this.#binding.decompressSync(asBuffer(jpeg), this.#target, {
      format: this.#binding.FORMAT_RGB,
    });
    return pixelsOf(this.#target, decoded, { width, height });
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function pixelsOf(target: Buffer, decoded: Size, { width, height }: Size): Pixels {
  if (decoded.width !== width || decoded.height !== height) throw new Error('decoded to another size');
  return { data: target.buffer as ArrayBuffer, width, height };
}
