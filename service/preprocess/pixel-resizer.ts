import { inputFor, placement } from './geometry.js';
import type { InputSpec, Pixels } from './image.js';
import type { Size } from './reduction.js';
import { createResampler, type Resampler } from './resample.js';

/** One for each size that images are resized to; most services see few. */
interface Sized {
  readonly size: Size;
  readonly resampler: Resampler;
}

/**
 * Makes of an image what the model's input makes of it before it is cropped, padded and normalised, by the same
 * arithmetic: resizing that once more is a copy, so that the input is the same to the bit. A photograph crosses to the thread
 * that runs the model in a hundredth of its size.
 */
export class PixelResizer {
  readonly #spec: InputSpec;
  #latest: Sized | undefined;

  constructor(spec: InputSpec) {
    this.#spec = spec;
  }

  /**
   * Returns pixels as they are where that would not make fewer of them.
   * @param image size of the image itself, of which these pixels may be a reduction
   */
  resize(pixels: Pixels, image: Size): Pixels {
    const size = this.#sizeFor(pixels, image);
    if (size === undefined) return pixels;
    const isGrey = this.#spec.channels === 'grey';
    const data = new Uint8Array(size.width * size.height * (isGrey ? 1 : 3));
    this.#resamplerFor(size).resampleInto(pixels, data, 0);
    return { data: (isGrey ? asRgb(data) : data).buffer as ArrayBuffer, ...size };
  }

  #sizeFor(pixels: Pixels, image: Size): Size | undefined {
    const input = inputFor(this.#spec, image.width, image.height);
    const { width, height } = pixels.extent ?? pixels;
    const { resizedWidth, resizedHeight } = placement(input, width, height);
    if (resizedWidth * resizedHeight >= pixels.width * pixels.height) return undefined;
    const again = placement(input, resizedWidth, resizedHeight);
    const isSettled = again.resizedWidth === resizedWidth && again.resizedHeight === resizedHeight;
    return isSettled ? { width: resizedWidth, height: resizedHeight } : undefined;
  }

  #resamplerFor(size: Size): Resampler {
    if (this.#latest?.size.width !== size.width || this.#latest.size.height !== size.height) {
      this.#latest = { size, resampler: createResampler(plainSpec(this.#spec, size)) };
    }
    return this.#latest.resampler;
  }
}

/** The filter alone: 8-bit pixels as they are. */
function plainSpec(
  { channels, resize: { filter }, accuracy }: InputSpec,
  { width, height }: Size,
): InputSpec {
  return {
    layout: 'NHWC',
    type: 'uint8',
    width,
    height,
    channels: channels === 'grey' ? 'grey' : 'rgb',
    resize: { rule: 'stretch', filter, shortestEdge: 0, padValue: [0], position: 'center' },
    accuracy,
    scale: 1,
    mean: [0],
    std: [1],
  };
}

/** The grey of such pixels is what they were made of. */
function asRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (const [index, level] of grey.entries()) rgb.fill(level, index * 3, index * 3 + 3);
  return rgb;
}
