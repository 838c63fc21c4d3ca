import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../package-files.js';

/** libwebp's simple interface (webp/decode.h), as far as it is used. */
export interface LibWebp {
  /** Size of the image in a file; undefined where its header is damaged. */
  sizeOf(file: Uint8Array): { width: number; height: number } | undefined;
  /**
   * Decodes a file of that width into RGB, row by row, without its transparency, on libuv's pool; nothing of it may change
   * meanwhile. False where the file is damaged or ends early.
   * @param target width * height * 3 bytes
   */
  decodeAsync(file: Uint8Array, target: Uint8Array, width: number): Promise<boolean>;
}

/** As Linux distributions name the library of ABI 7. */
const LIBRARY = 'libwebp.so.7';
/** Where the container image has Debian's. */
const OWN_LIBRARY = join(PACKAGE_ROOT, 'lib', LIBRARY);

/** The image's or else the system's library, called through the optional `koffi`. Undefined where either is not installed. */
export function loadLibWebp(): LibWebp | undefined {
  try {
    return bind();
  } catch {
    return undefined;
  }
}

function bind(): LibWebp {
  const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi').default;
  const library = koffi.load(existsSync(OWN_LIBRARY) ? OWN_LIBRARY : LIBRARY);
  const info = library.func(
    'int WebPGetInfo(const uint8_t *file, size_t size, _Out_ int *width, _Out_ int *height)',
  );
  const decode = library.func(
    'void *WebPDecodeRGBInto(const uint8_t *file, size_t size, uint8_t *target, size_t target_size, int stride)',
  );
  return {
    sizeOf(file) {
      const [width, height] = [[0], [0]];
      const isRead = info(file, file.byteLength, width, height) !== 0;
      return isRead ? { width: width[0] ?? 0, height: height[0] ?? 0 } : undefined;
    },
    decodeAsync: (file, target, width) =>
      new Promise((resolve, reject) => {
        const done = (error: unknown, pixels: unknown): void =>
          error ? reject(error) : resolve(pixels !== null);
        decode.async(file, file.byteLength, target, target.byteLength, width * 3, done);
      }),
  };
}
