import type { Pixels, PlainJpeg } from '../image.js';
import type { DecodeRequest, ImageDecoder } from './image-decoder.js';
import { type Handle, loadTurboJpeg, type TurboJpeg } from './turbojpeg-library.js';

/** Beyond this the other decoder catches up, and the buffer that each thread keeps is no longer small. */
const MAX_PIXELS = 8_000_000;

/**
 * libjpeg-turbo for the common JPEG: sequential, grey or YCbCr, upright. Twice as fast as sharp on a small photograph, and the
 * same pixels. Undefined where it is not installed.
 */
export function loadJpegTurbo(): ImageDecoder | undefined {
  const library = loadTurboJpeg();
  return library && { name: 'jpeg-turbo', accepts, decode: (request) => decode(library, request) };
}

/** The same on the calling thread, for what `accepts` has taken. */
export function loadThreadDecoder(): ThreadDecoder | undefined {
  const library = loadTurboJpeg();
  return library && new ThreadDecoder(library);
}

/** Whole, also where it might be reduced: that is faster. */
function accepts({ header: { jpeg } }: DecodeRequest): boolean {
  if (jpeg === undefined || jpeg.width * jpeg.height > MAX_PIXELS) return false;
  const isPlain = jpeg.isSequential && jpeg.precision === 8 && jpeg.orientation === 1;
  return isPlain && (jpeg.components === 1 || jpeg.isYcc);
}

async function decode(library: TurboJpeg, { bytes, header }: DecodeRequest): Promise<Pixels> {
  const { width, height } = header;
  const handle = openFor(library, { jpeg: bytes, width, height });
  try {
    const target = Buffer.allocUnsafeSlow(width * height * 3);
    if (!(await library.decodeAsync(handle, bytes, target, width, height))) throw damaged();
    return { data: target.buffer as ArrayBuffer, width, height };
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
  decode(image: PlainJpeg): Pixels {
    const { jpeg, width, height } = image;
    const handle = openFor(this.#library, image);
    try {
      const size = width * height * 3;
      if (this.#target.length < size) this.#target = Buffer.allocUnsafeSlow(size);
      if (!this.#library.decode(handle, jpeg, this.#target, width, height)) throw damaged();
      return { data: this.#target.buffer as ArrayBuffer, width, height };
    } finally {
      this.#library.close(handle);
    }
  }
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
