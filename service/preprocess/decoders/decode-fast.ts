import type { DecodedImage } from '../image.js';
import type { DecodeRequest, ImageDecoder } from './image-decoder.js';

/** Undefined where the other decoder has to judge: errors are the same whichever ran. */
export async function decodeFast(
  fast: ImageDecoder | undefined,
  request: DecodeRequest,
): Promise<DecodedImage | undefined> {
  if (!fast?.accepts(request)) return undefined;
  try {
    const pixels = await fast.decode(request);
    const { width, height } = request.header;
    return { pixels, format: request.format, width, height };
  } catch {
    return undefined;
  }
}
