import sharp, { type SharpOptions } from 'sharp';
import type { ImageFormat, Pixels } from '../image.js';
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
  readHeader(bytes: Uint8Array): Promise<ImageHeader>;
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

const STRICT: SharpOptions = { failOn: 'warning', autoOrient: true, page: 0, pages: 1, sequentialRead: true };

async function readHeader(bytes: Uint8Array): Promise<ImageHeader> {
  const metadata = await sharp(bytes, { ...STRICT, limitInputPixels: false }).metadata();
  return { ...metadata.autoOrient, isCmyk: metadata.space === 'cmyk', jpeg: undefined };
}

/** Profiles of RGB and grey are ignored, as where models are trained (Pillow, OpenCV); ink needs its own. */
async function decode({ bytes, header, reducedTo }: DecodeRequest, maxPixels: number): Promise<Pixels> {
  const image = sharp(bytes, { ...STRICT, limitInputPixels: maxPixels, ignoreIcc: !header.isCmyk });
  if (reducedTo !== undefined) {
    image.resize({ ...reducedTo, fit: 'fill', kernel: 'lanczos3', fastShrinkOnLoad: true });
  }
  const { data, info } = await image
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`${info.channels} channels instead of 3`);
  return { data: ownedBytes(data), width: info.width, height: info.height };
}

/** sharp's own buffers cannot be transferred, and its toUint8Array(), whose can, never frees them (0.35.5). */
function ownedBytes(data: Buffer): ArrayBuffer {
  const owned = new ArrayBuffer(data.byteLength);
  data.copy(new Uint8Array(owned));
  return owned;
}
