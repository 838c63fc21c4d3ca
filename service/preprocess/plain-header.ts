import type { ImageHeader } from './decoders/image-decoder.js';
import { readJpegHeader } from './headers/jpeg-header.js';
import { readPlainWebp } from './headers/plain-webp.js';
import type { ImageFormat } from './image.js';

/** What our own readers understand of a file. */
export function readPlainHeader(bytes: Uint8Array, format: ImageFormat): ImageHeader | undefined {
  if (format === 'jpeg') return readPlainJpeg(bytes);
  return format === 'webp' ? readWebp(bytes) : undefined;
}

/** From orientation 5 on the image lies on its side. */
function readPlainJpeg(bytes: Uint8Array): ImageHeader | undefined {
  const jpeg = readJpegHeader(bytes);
  if (jpeg?.orientation === undefined) return undefined;
  const { orientation } = jpeg;
  const [width, height] = orientation >= 5 ? [jpeg.height, jpeg.width] : [jpeg.width, jpeg.height];
  return { width, height, isCmyk: jpeg.components === 4, hasAlpha: false, jpeg };
}

function readWebp(bytes: Uint8Array): ImageHeader | undefined {
  const webp = readPlainWebp(bytes);
  return webp && { ...webp, isCmyk: false, jpeg: undefined, webp };
}
