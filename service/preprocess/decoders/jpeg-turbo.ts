import { createRequire } from 'node:module';
import type { Pixels } from '../image.js';
import type { PixelBuffers } from '../pixel-buffers.js';
import type { DecodeRequest, ImageDecoder } from './image-decoder.js';

type Binding = Pick<typeof import('@julusian/jpeg-turbo'), 'decompress' | 'FORMAT_RGB'>;

/** Beyond this the other decoder catches up, and the buffer is no longer small beside the queue's. */
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
export function loadJpegTurbo(buffers: PixelBuffers): ImageDecoder | undefined {
  const binding = loadBinding();
  return binding && { name: 'jpeg-turbo', accepts, decode: (request) => decode(binding, buffers, request) };
}

function loadBinding(): Binding | undefined {
  try {
    return createRequire(import.meta.url)('@julusian/jpeg-turbo');
  } catch {
    return undefined;
  }
}

function accepts({ header, reducedTo }: DecodeRequest): boolean {
  const { jpeg } = header;
  if (jpeg === undefined || reducedTo !== undefined || jpeg.width * jpeg.height > MAX_PIXELS) return false;
  const isPlain = jpeg.isSequential && jpeg.precision === 8 && jpeg.orientation === 1;
  const isCoarse = jpeg.finestQuantisation >= MIN_QUANTISATION;
  return isPlain && isCoarse && (jpeg.components === 1 || jpeg.isYcc);
}

async function decode(
  binding: Binding,
  buffers: PixelBuffers,
  { bytes, header }: DecodeRequest,
): Promise<Pixels> {
  const { width, height } = header;
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const target = Buffer.from(buffers.take(width * height * 3));
  const decoded = await binding.decompress(source, target, { format: binding.FORMAT_RGB });
  if (decoded.width !== width || decoded.height !== height) throw new Error('decoded to another size');
  return { data: target.buffer as ArrayBuffer, width, height };
}
