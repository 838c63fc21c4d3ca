import type { Pixels, PlainJpeg } from '../image.js';
import type { JpegDivisor, Size } from '../reduction.js';
import type { DecodeRequest, ImageDecoder } from './image-decoder.js';
import { type Handle, loadTurboJpeg, type TurboJpeg } from './turbojpeg-library.js';

/**
 * libjpeg-turbo for the common JPEG: sequential, grey or YCbCr, upright. Twice as fast as sharp, and the same pixels. Undefined
 * where it is not installed.
 * @param maxPixels accepts no image of more, as large as it is decoded
 * @param memory what it decodes into: so many bytes, or more; fresh ones where it is left out
 */
export function loadJpegTurbo(
  maxPixels = Number.POSITIVE_INFINITY,
  memory: (bytes: number) => Buffer = Buffer.allocUnsafeSlow,
): ImageDecoder | undefined {
  const library = loadTurboJpeg();
  return (
    library && {
      name: 'jpeg-turbo',
      accepts: (request) => accepts(request, maxPixels),
      decode: (request) => decode(library, request, memory),
    }
  );
}

/** The same on the calling thread, for what `accepts` has taken. */
export function loadThreadDecoder(): ThreadDecoder | undefined {
  const library = loadTurboJpeg();
  return library && new ThreadDecoder(library);
}

/** Never to `reducedTo`, row by row: whole, or as libjpeg divides it, is faster. */
function accepts({ header: { jpeg }, jpegDivisor }: DecodeRequest, maxPixels: number): boolean {
  if (jpeg === undefined || (jpeg.width * jpeg.height) / jpegDivisor ** 2 > maxPixels) return false;
  const isPlain = jpeg.isSequential && jpeg.precision === 8 && jpeg.orientation === 1;
  return isPlain && (jpeg.components === 1 || jpeg.isYcc);
}

async function decode(
  library: TurboJpeg,
  { bytes, header, jpegDivisor }: DecodeRequest,
  memory: (bytes: number) => Buffer,
): Promise<Pixels> {
  const handle = openFor(library, { jpeg: bytes, width: header.width, height: header.height });
  try {
    const size = dividedSize(header, jpegDivisor);
    const target = memory(size.width * size.height * 3);
    if (!(await library.decodeAsync(handle, bytes, target, size.width, size.height))) throw damaged();
    return { data: target.buffer as ArrayBuffer, ...size };
  } finally {
    library.close(handle);
  }
}

/** Decodes into memory that it uses again: fresh memory costs a page fault for each 4 KiB. */
export class ThreadDecoder {
  readonly #library: TurboJpeg;
  #target = Buffer.alloc(0);

  constructor(library: TurboJpeg) {
    this.#library = library;
  }

  /** The pixels stay until the next call, and may lie in a larger buffer. Throws where the file is damaged or ends early. */
  decode(image: PlainJpeg, divisor: JpegDivisor): Pixels {
    const handle = openFor(this.#library, image);
    try {
      const size = dividedSize(image, divisor);
      const bytes = size.width * size.height * 3;
      if (this.#target.length < bytes) this.#target = Buffer.allocUnsafeSlow(bytes);
      if (!this.#library.decode(handle, image.jpeg, this.#target, size.width, size.height)) throw damaged();
      return { data: this.#target.buffer as ArrayBuffer, ...size };
    } finally {
      this.#library.close(handle);
    }
  }
}

/** libjpeg rounds up: what lies beyond the edge is what the encoder filled the last blocks with. */
function dividedSize({ width, height }: Size, divisor: JpegDivisor): Omit<Pixels, 'data'> {
  if (divisor === 1) return { width, height };
  return {
    width: Math.ceil(width / divisor),
    height: Math.ceil(height / divisor),
    extent: { width: width / divisor, height: height / divisor },
  };
}

/** A decompressor for one file: what a damaged one leaves behind is not for the next. Our own reader has to agree on the size, by which memory is taken. */
function openFor(library: TurboJpeg, { jpeg, width, height }: PlainJpeg): Handle {
  const handle = library.open();
  if (handle === undefined) throw new Error('libjpeg-turbo has no memory');
  const found = library.sizeOf(handle, jpeg);
  if (found?.width === width && found.height === height) return handle;
  library.close(handle);
  throw damaged();
}

function damaged(): Error {
  return new Error('the file is damaged or ends early');
}
