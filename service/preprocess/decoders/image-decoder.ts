import type { JpegHeader } from '../headers/jpeg-header.js';
import type { PlainWebp } from '../headers/plain-webp.js';
import type { ImageFormat, Pixels } from '../image.js';
import type { JpegDivisor, Size } from '../reduction.js';

/** What is known of an image before it is decoded. */
export interface ImageHeader extends Size {
  /** `width` and `height` are those of the image as a person sees it: orientation applied. */
  readonly isCmyk: boolean;
  readonly hasAlpha: boolean;
  /** Only of a JPEG that our own reader understood. */
  readonly jpeg: JpegHeader | undefined;
  /** Only of a still WebP that our own reader understood. */
  readonly webp?: PlainWebp | undefined;
}

export interface DecodeRequest {
  /** The file. Not to be changed before the decoding has ended: it is read on another thread. */
  readonly bytes: Uint8Array;
  readonly format: ImageFormat;
  readonly header: ImageHeader;
  /** The size, orientation applied, to which a large image may be reduced. */
  readonly reducedTo: Size | undefined;
  /** How far libjpeg may divide a JPEG while it decodes it; 1: whole. */
  readonly jpegDivisor: JpegDivisor;
}

/** One way to decode. All ways give the same pixels, within the tolerance that the conformance suite states. */
export interface ImageDecoder {
  readonly name: string;
  accepts(request: DecodeRequest): boolean;
  /**
   * Decodes off the event loop: first frame, orientation applied, alpha dropped, 8-bit sRGB. Rejects where the file is damaged, also where it merely ends early.
   */
  decode(request: DecodeRequest): Promise<Pixels>;
}
