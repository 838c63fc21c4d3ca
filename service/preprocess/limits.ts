import { ServiceError } from '../errors.js';
import type { FileFacts } from './headers/facts.js';
import type { ImageFormat } from './image.js';
import type { Size } from './reduction.js';

/** The longest side that a JPEG can have; of other formats, strips beyond it are nobody's photograph. */
const MAX_SIDE = 65_535;

/** Throws IMAGE_DIMENSIONS_EXCEEDED. */
export function checkSize({ width, height }: Size, maxPixels: number): void {
  const measured = `The image has ${width} x ${height} pixels`;
  if (width * height > maxPixels) {
    throw new ServiceError('IMAGE_DIMENSIONS_EXCEEDED', `${measured}; the limit is ${maxPixels} in all.`);
  }
  if (Math.max(width, height) > MAX_SIDE) {
    throw new ServiceError('IMAGE_DIMENSIONS_EXCEEDED', `${measured}; the limit is ${MAX_SIDE} on a side.`);
  }
}

/** Throws IMAGE_DIMENSIONS_EXCEEDED, or IMAGE_UNDECODABLE where there is too much of what multiplies the work. */
export function checkFacts({ size, excess }: FileFacts, format: ImageFormat, maxPixels: number): void {
  if (size !== undefined) checkSize(size, maxPixels);
  if (excess === undefined) return;
  const detail = `The ${format.toUpperCase()} file has ${excess}, which is the limit.`;
  throw new ServiceError('IMAGE_UNDECODABLE', detail);
}

export function undecodable(format: ImageFormat, cause: unknown): ServiceError {
  const detail = `The ${format.toUpperCase()} file is damaged, incomplete or of a kind that cannot be decoded.`;
  return new ServiceError('IMAGE_UNDECODABLE', detail, { cause });
}
