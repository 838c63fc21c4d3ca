import type { ImageFormat } from '../../preprocess/image.js';

/** One place that images were asked of: a file, a folder, a bucket's prefix. */
export interface ImagePlace {
  /** The folder of this machine that all below it was asked of, or the file that was typed. */
  readonly path: string | undefined;
  /** Names of its images, sorted; each tells where the image is. Throws UsageError where there is no such place. */
  list(): AsyncIterable<string>;
  /** The path of one of its images relative to it, slashes between folders: for what is written beside the answers. */
  relative(name: string): string;
  /**
   * The bytes of one. Rejects with IMAGE_TOO_LARGE, with IMAGE_MISSING where it cannot be read, and with any other error
   * where no image can be.
   */
  read(name: string, maxBytes: number): Promise<Uint8Array>;
  close(): void;
}

const EXTENSIONS: Readonly<Record<ImageFormat, readonly string[]>> = {
  jpeg: ['.jpg', '.jpeg', '.jpe', '.jfif'],
  png: ['.png'],
  webp: ['.webp'],
  avif: ['.avif'],
  gif: ['.gif'],
  tiff: ['.tif', '.tiff'],
};

/** Whether a file in a folder is taken for an image: by its extension; what it is in truth shows when it is read. */
export function looksLikeImage(name: string, formats: readonly ImageFormat[]): boolean {
  const lower = name.toLowerCase();
  return formats.some((format) => EXTENSIONS[format].some((extension) => lower.endsWith(extension)));
}

/** As S3 sorts keys, and by code points where names are not ASCII; the same everywhere, unlike a locale's order. */
export function inOrder(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
