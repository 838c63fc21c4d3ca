/** Formats that a decoder may be asked to read. */
export const IMAGE_FORMATS = ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** Pixels of an image as a person sees it (EXIF orientation applied, alpha dropped). */
export interface Pixels {
  /** 8-bit RGB, interleaved, row by row, no padding: the first `width * height * 3` bytes of the buffer. */
  readonly data: ArrayBuffer;
  readonly width: number;
  readonly height: number;
  /**
   * Only of an image that was decoded at a fraction of its size: how many of these pixels it covers, a fraction of them
   * too. The last column and row reach beyond its edge where its size is no multiple.
   */
  readonly extent?: { readonly width: number; readonly height: number };
}

/** A JPEG whose header was found plain. The thread that runs the model decodes it: it waits in a tenth of its pixels' size. */
export interface PlainJpeg {
  /** The whole file. */
  readonly jpeg: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** An image as the model's thread takes it. The functions below are all that tells the two apart. */
export type ModelImage = Pixels | PlainJpeg;

/** The file, where the model's thread is to decode it. */
export function fileOf(image: ModelImage): Uint8Array | undefined {
  return 'jpeg' in image ? image.jpeg : undefined;
}

/** What it holds while it waits. */
export function bytesOf(image: ModelImage): number {
  return 'jpeg' in image ? image.jpeg.byteLength : image.data.byteLength;
}

/** The image, to be given to another thread together with its buffer: a file that is part of something larger is copied. */
export function transferable<Image extends ModelImage>(image: Image): { image: Image; buffer: ArrayBuffer } {
  if (!('jpeg' in image)) return { image, buffer: image.data };
  const isWhole = image.jpeg.byteLength === image.jpeg.buffer.byteLength;
  const jpeg = isWhole ? image.jpeg : new Uint8Array(image.jpeg);
  return { image: { ...image, jpeg }, buffer: jpeg.buffer as ArrayBuffer };
}

/**
 * Gives the memory of a file that is not needed any more back at once, where it has a buffer of its own: for every few large
 * ones V8 would collect all of its heap, and the main thread stand still (docs/decisions/0010-bodies-in-memory.md). Node 20
 * cannot.
 */
export function release(file: Uint8Array): void {
  const buffer = file.buffer as ArrayBuffer & { transfer?: (bytes: number) => ArrayBuffer };
  if (file.byteLength === buffer.byteLength) buffer.transfer?.(0);
}

/** Its pixels, decoded where that is still to be done. */
export function pixelsOf(image: ModelImage, decode: (file: PlainJpeg) => Pixels): Pixels {
  return 'jpeg' in image ? decode(image) : image;
}

/** An image after decoding. `pixels` may be smaller than the image where a reduced decode gives the same answer. */
export interface DecodedImage {
  readonly pixels: Pixels;
  readonly format: ImageFormat;
  /** Size of the image itself, orientation applied. */
  readonly width: number;
  readonly height: number;
}

/** An image on its way to the model, decoded as far as that is to be done beforehand. */
export interface PreparedImage extends Omit<DecodedImage, 'pixels'> {
  readonly image: ModelImage;
}

/** What the input tensor wants: everything the preprocessing needs to know of a model. All defaults resolved. */
export interface InputSpec {
  readonly layout: 'NCHW' | 'NHWC';
  readonly type: 'float32' | 'float16' | 'uint8';
  /** Pixels, as the height; with `fit` those of a usual image, since each has its own. */
  readonly width: number;
  readonly height: number;
  readonly channels: 'rgb' | 'bgr' | 'grey';
  readonly resize: {
    readonly rule: 'stretch' | 'cover' | 'letterbox' | 'fit';
    readonly filter: 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos' | 'opencv-linear';
    /** Pixels; used by `cover` and `fit`. */
    readonly shortestEdge: number;
    /** Pixels; used by `fit` only. Left out: none is too long. */
    readonly longestEdge?: number;
    /** Used by `fit` only: what width and height are rounded down to. */
    readonly multipleOf?: number;
    /** Pixels; used by `stretch` only: the size of the image before its centre is cut out. Left out: that of the tensor. */
    readonly stretchTo?: { readonly width: number; readonly height: number };
    /** 0..255, one per channel of the tensor; used by `letterbox` only. */
    readonly padValue: readonly number[];
    /** Where `letterbox` draws and what `cover` keeps; see geometry.ts. */
    readonly position: 'center' | 'center-floor' | 'top-left';
  };
  /** fast: images far larger than the input may be decoded at a fraction of their size, see reduction.ts. */
  readonly accuracy: 'exact' | 'fast';
  readonly scale: number;
  /** One per channel of the tensor, in its channel order. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}
