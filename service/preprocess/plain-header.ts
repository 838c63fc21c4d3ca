import type { ImageHeader } from './decoders/image-decoder.js';
import { readJpegHeader } from './headers/jpeg-header.js';

/** What our own reader understands of a JPEG. From orientation 5 on the image lies on its side. */
export function readPlainHeader(bytes: Uint8Array): ImageHeader | undefined {
  const jpeg = readJpegHeader(bytes);
  if (jpeg?.orientation === undefined) return undefined;
  const { orientation } = jpeg;
  const [width, height] = orientation >= 5 ? [jpeg.height, jpeg.width] : [jpeg.width, jpeg.height];
  return { width, height, isCmyk: jpeg.components === 4, hasAlpha: false, jpeg };
}
