import { type Placement, placement } from './geometry.js';
import type { ImageFormat, InputSpec } from './image.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Fractions of the size at which libjpeg decodes with SIMD: it leaves out the higher frequencies of each block. */
export type JpegDivisor = 1 | 2 | 4 | 8;
const DIVISORS: readonly JpegDivisor[] = [8, 4, 2];

/** How far an image is made smaller while it is decoded. */
export interface Reduction {
  /** By the decoder of everything; undefined: not at all. */
  readonly reducedTo: Size | undefined;
  /** By libjpeg. */
  readonly jpegDivisor: JpegDivisor;
}

export const NO_REDUCTION: Reduction = { reducedTo: undefined, jpegDivisor: 1 };

/** As far as the model's input allows. */
export function reductionFor(spec: InputSpec, image: Size, format: ImageFormat): Reduction {
  return { reducedTo: reducedSize(spec, image, format), jpegDivisor: jpegDivisor(spec, image) };
}

/** From here on an image is made smaller row by row while it is decoded, so that it never lies in memory whole. */
const MIN_PIXELS_TO_STREAM = 4_000_000;
/** What is left keeps at least this many times the pixels that the resize needs, in each direction. */
const HEADROOM = 4;
/** The same with `accuracy` fast: with less, what sharp does to the rest of the way blurs the picture too. */
const FAST_HEADROOM = 2;
/** The least fraction from which on a decoder makes an image smaller more cheaply than whole: sharp's rule for JPEG. */
const LEAST_FRACTION: Readonly<Partial<Record<ImageFormat, number>>> = { jpeg: 3, webp: 2 };
/**
 * Filters that weigh many pixels softly. `nearest` and `opencv-linear` pick some of them, and `box` ends abruptly: what
 * lies on its edge falls to one side or the other (up to 7 levels in the mean on a crowd).
 */
const SOFT: ReadonlySet<InputSpec['resize']['filter']> = new Set([
  'bilinear',
  'hamming',
  'bicubic',
  'lanczos',
]);

/**
 * The size to which a large image is reduced while it is decoded, a whole fraction of its own, or undefined where it has
 * to be whole. The resize of the reduced image leads to the same size as that of the whole one.
 *
 * Against the whole image the tensor differs, in 8-bit levels, by 0.2 to 0.9 in the mean (p99: 2) on photographs, and on
 * the hardest pictures (black and white only: halftone, text, blocks, noise) by up to 2.1 in the mean, 8 at p99, 13 at the
 * most; with the bilinear filter by 1.4, 4 and 6. libjpeg's reduced decoding is not used: it leaves out the clipping at black
 * and white that the whole image has had, up to 6 levels in the mean on specks of quality 50. Nor is a kernel with negative
 * weights, whose overshoot is clipped: up to 7 levels in the mean on a halftone.
 */
export function reducedSize(spec: InputSpec, image: Size, format: ImageFormat): Size | undefined {
  const fastFrom = spec.accuracy === 'fast' ? LEAST_FRACTION[format] : undefined;
  const fast = fastFrom === undefined ? undefined : wholeFraction(spec, image, FAST_HEADROOM, fastFrom);
  return fast ?? (isLargeAndSoft(spec, image) ? wholeFraction(spec, image, HEADROOM, 2) : undefined);
}

/** The smallest size that is a whole fraction, `least` or more, and leads to the same resized size. */
function wholeFraction(spec: InputSpec, image: Size, headroom: number, least: number): Size | undefined {
  const whole = placement(spec, image.width, image.height);
  const most = Math.min(
    Math.floor(image.width / (headroom * whole.resizedWidth)),
    Math.floor(image.height / (headroom * whole.resizedHeight)),
  );
  for (let fraction = most; fraction >= least; fraction--) {
    const size = { width: Math.round(image.width / fraction), height: Math.round(image.height / fraction) };
    if (leadsTo(whole, placement(spec, size.width, size.height))) return size;
  }
  return undefined;
}

function isLargeAndSoft(spec: InputSpec, { width, height }: Size): boolean {
  return SOFT.has(spec.resize.filter) && width * height >= MIN_PIXELS_TO_STREAM;
}

function leadsTo(whole: Placement, reduced: Placement): boolean {
  return whole.resizedWidth === reduced.resizedWidth && whole.resizedHeight === reduced.resizedHeight;
}

/**
 * By what a JPEG is divided while it is decoded: with `accuracy` fast the most that leaves no less than the resized image,
 * as Pillow's `draft` chooses; otherwise 1.
 */
export function jpegDivisor(spec: InputSpec, image: Size): JpegDivisor {
  if (spec.accuracy === 'exact') return 1;
  const { resizedWidth, resizedHeight } = placement(spec, image.width, image.height);
  const most = Math.min(image.width / resizedWidth, image.height / resizedHeight);
  return DIVISORS.find((divisor) => divisor <= most) ?? 1;
}
