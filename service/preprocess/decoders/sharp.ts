import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { messageOf } from '../../errors.js';
import type { ImageFormat, Pixels } from '../image.js';
import type { Size } from '../reduction.js';
import type { DecodeRequest, ImageDecoder, ImageHeader } from './image-decoder.js';

/** The loaders of libvips, from memory only. All others (SVG, PDF, files, ...) are blocked for the process. */
const LOADERS: Readonly<Record<ImageFormat, string>> = {
  jpeg: 'VipsForeignLoadJpegBuffer',
  png: 'VipsForeignLoadPngBuffer',
  webp: 'VipsForeignLoadWebpBuffer',
  avif: 'VipsForeignLoadHeifBuffer',
  gif: 'VipsForeignLoadNsgifBuffer',
  tiff: 'VipsForeignLoadTiffBuffer',
};

/** One thread for each image: requests are what runs in parallel. No cache: images do not come twice. */
sharp.concurrency(1);
sharp.cache(false);
sharp.block({ operation: ['VipsForeignLoad'] });

/** Decodes everything, and reads the header of anything. */
export interface SharpDecoder extends ImageDecoder {
  /** Reads no more than the header. Rejects where that is damaged already. */
  readHeader(bytes: Uint8Array, format: ImageFormat): Promise<ImageHeader>;
}

/**
 * sharp, with the loaders of `formats` unblocked (for the whole process).
 * @param maxPixels a second bar: the caller looks at the header first
 */
export function createSharpDecoder(formats: Iterable<ImageFormat>, maxPixels: number): SharpDecoder {
  sharp.unblock({ operation: Array.from(formats, (format) => LOADERS[format]) });
  return {
    name: 'sharp',
    accepts: () => true,
    readHeader,
    decode: (request) => decode(request, maxPixels),
  };
}

const FIRST_FRAME: SharpOptions = { autoOrient: true, page: 0, pages: 1, sequentialRead: true };

/** What libjpeg says of a file whose pixels are all there: stray bytes, or a header newer than it knows. */
const HARMLESS =
  /^VipsJpeg: (Corrupt JPEG data: \d+ extraneous bytes|Warning: unknown JFIF|Unknown Adobe color)/;

/**
 * Refuses what ends early or is damaged, and passes what other readers pass, such as a TIFF with odd tags. The damage of a
 * JPEG is only warned of, so that there warnings count, except the harmless ones.
 */
async function judged<Result>(
  format: ImageFormat,
  read: (failOn: SharpOptions['failOn']) => Promise<Result>,
): Promise<Result> {
  if (format !== 'jpeg') return read('error');
  try {
    return await read('warning');
  } catch (error) {
    const complaints = messageOf(error).split('\n');
    const isDamaged = complaints.some((line) => line.startsWith('VipsJpeg:') && !HARMLESS.test(line));
    if (isDamaged) throw error;
    return read('error');
  }
}

function readHeader(bytes: Uint8Array, format: ImageFormat): Promise<ImageHeader> {
  return judged(format, async (failOn) => {
    const metadata = await sharp(bytes, { ...FIRST_FRAME, failOn, limitInputPixels: false }).metadata();
    const { autoOrient, space, hasAlpha } = metadata;
    return { ...autoOrient, isCmyk: space === 'cmyk', hasAlpha, jpeg: undefined };
  });
}

function decode(request: DecodeRequest, maxPixels: number): Promise<Pixels> {
  return judged(request.format, (failOn) =>
    pixelsOf(request, { ...FIRST_FRAME, failOn, limitInputPixels: maxPixels }),
  );
}

/** Profiles of RGB and grey are ignored, as where models are trained (Pillow, OpenCV); ink needs its own. */
async function pixelsOf(request: DecodeRequest, options: SharpOptions): Promise<Pixels> {
  const { bytes, format, header, reducedTo, jpegDivisor } = request;
  const image = sharp(bytes, { ...options, ignoreIcc: !header.isCmyk });
  if (reducedTo === undefined) return plainPixels(image);
  // sharp resizes colours multiplied by their alpha, and ink before it is light: these are reduced once they are plain.
  if (header.hasAlpha || header.isCmyk) return reducedPixels(await plainPixels(image), reducedTo);
  // libwebp reduces by plain means, in half the time and a third of the memory. libjpeg does not (reduction.ts), and is
  // kept from it, unless it may, by asking for a colour space.
  const onLoad = format === 'webp' || jpegDivisor > 1;
  return plainPixels(resized(onLoad ? image : image.pipelineColourspace('srgb'), reducedTo));
}

function reducedPixels({ data, width, height }: Pixels, to: Size): Promise<Pixels> {
  const raw = { width, height, channels: 3 } as const;
  return plainPixels(resized(sharp(new Uint8Array(data), { raw, limitInputPixels: false }), to));
}

/** A kernel without negative weights: what others add beside an edge is cut off at black and white, and lost. */
function resized(image: Sharp, to: Size): Sharp {
  return image.resize({ ...to, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: true });
}

async function plainPixels(image: Sharp): Promise<Pixels> {
  const { data, info } = await image
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`${info.channels} channels instead of 3`);
  if (data.byteOffset !== 0) throw new Error('pixels in the middle of a buffer');
  return { data: data.buffer as ArrayBuffer, width: info.width, height: info.height };
}
