/** Pixels that are looked at, about; the work for an image does not grow with the model's input. */
const MAX_SAMPLES = 2048;
const WHITE = 255;
/** Weight of the mean against the deviation (Hasler and Suesstrunk 2003). */
const MEAN_WEIGHT = 0.3;

/** Of the pixels that a model sees; all that is needed to notice that a camera has changed. */
export interface PixelStatistics {
  /** Mean grey level, 0..1. */
  readonly brightness: number;
  /** Standard deviation of the grey levels, 0..0.5. */
  readonly contrast: number;
  /** Standard deviation of the Laplacian (4 times a pixel minus its neighbours), a white pixel being 1; 0 where no pixel has four. */
  readonly sharpness: number;
  /** Only of pixels with colour. */
  readonly colourfulness?: number;
}

/** Sums over the samples of one number. */
class Moments {
  #count = 0;
  #sum = 0;
  #squares = 0;

  clear(): void {
    this.#count = this.#sum = this.#squares = 0;
  }

  add(value: number): void {
    this.#count += 1;
    this.#sum += value;
    this.#squares += value * value;
  }

  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  get variance(): number {
    return this.#count === 0 ? 0 : Math.max(0, this.#squares / this.#count - this.mean ** 2);
  }

  get deviation(): number {
    return Math.sqrt(this.variance);
  }
}

/**
 * Looks at the rows of an image on their way into the tensor: at one pixel in `stride` in each direction, and at the four
 * around it. Keeps nothing of an image but two numbers for each column.
 */
export class PixelSampler {
  #width = 0;
  #channels = 3;
  #stride = 1;
  #start = 0;
  /** Grey levels above the next row of samples, one for each column of samples. */
  #above = new Int32Array(0);
  /** Their Laplacian, as far as it is known: the row below is missing. */
  #partial = new Int32Array(0);
  readonly #grey = new Moments();
  readonly #laplacian = new Moments();
  readonly #redGreen = new Moments();
  readonly #yellowBlue = new Moments();

  /** @param channels 1, or 3 in the order red, green, blue */
  begin(width: number, height: number, channels: number): void {
    this.#width = width;
    this.#channels = channels;
    this.#stride = Math.max(1, Math.ceil(Math.sqrt((width * height) / MAX_SAMPLES)));
    this.#start = this.#stride >> 1;
    const columns = Math.ceil(width / this.#stride);
    if (this.#above.length < columns) {
      this.#above = new Int32Array(columns);
      this.#partial = new Int32Array(columns);
    }
    for (const moments of [this.#grey, this.#laplacian, this.#redGreen, this.#yellowBlue]) moments.clear();
  }

  /** Takes one row of 8-bit levels; rows come in order. @param address of its first byte */
  row(bytes: Uint8Array, address: number, index: number): void {
    if (this.#isSampled(index - 1) && index - 1 > 0) this.#below(bytes, address);
    if (this.#isSampled(index)) this.#sample(bytes, address);
    if (this.#isSampled(index + 1)) this.#keep(bytes, address);
  }

  /** Of the rows that came since `begin`. */
  result(): PixelStatistics {
    const grey = {
      brightness: this.#grey.mean / WHITE,
      contrast: this.#grey.deviation / WHITE,
      sharpness: this.#laplacian.deviation / WHITE,
    };
    return this.#channels === 1 ? grey : { ...grey, colourfulness: this.#colourfulness() };
  }

  #colourfulness(): number {
    const [rg, yb] = [this.#redGreen, this.#yellowBlue];
    const spread = Math.sqrt(rg.variance + yb.variance);
    return (spread + MEAN_WEIGHT * Math.hypot(rg.mean, yb.mean)) / WHITE;
  }

  #isSampled(index: number): boolean {
    return index >= this.#start && (index - this.#start) % this.#stride === 0;
  }

  #below(bytes: Uint8Array, address: number): void {
    const channels = this.#channels;
    const last = this.#width - 1;
    for (let x = this.#start, column = 0; x < this.#width; x += this.#stride, column++) {
      if (x === 0 || x === last) continue;
      this.#laplacian.add((this.#partial[column] ?? 0) - levelAt(bytes, address + x * channels, channels));
    }
  }

  #sample(bytes: Uint8Array, address: number): void {
    const channels = this.#channels;
    const last = address + (this.#width - 1) * channels;
    for (let x = this.#start, column = 0; x < this.#width; x += this.#stride, column++) {
      const at = address + x * channels;
      const level = levelAt(bytes, at, channels);
      this.#grey.add(level);
      if (channels === 3) this.#colour(bytes, at);
      const beside =
        levelAt(bytes, Math.max(address, at - channels), channels) +
        levelAt(bytes, Math.min(last, at + channels), channels);
      this.#partial[column] = 4 * level - beside - (this.#above[column] ?? 0);
    }
  }

  #colour(bytes: Uint8Array, at: number): void {
    const red = bytes[at] ?? 0;
    const green = bytes[at + 1] ?? 0;
    this.#redGreen.add(red - green);
    this.#yellowBlue.add((red + green) / 2 - (bytes[at + 2] ?? 0));
  }

  #keep(bytes: Uint8Array, address: number): void {
    const channels = this.#channels;
    for (let x = this.#start, column = 0; x < this.#width; x += this.#stride, column++) {
      this.#above[column] = levelAt(bytes, address + x * channels, channels);
    }
  }
}

/** The grey level at an address, as Pillow makes it of colour. */
function levelAt(bytes: Uint8Array, at: number, channels: number): number {
  if (channels === 1) return bytes[at] ?? 0;
  return (
    (19_595 * (bytes[at] ?? 0) + 38_470 * (bytes[at + 1] ?? 0) + 7471 * (bytes[at + 2] ?? 0) + 32_768) >> 16
  );
}
