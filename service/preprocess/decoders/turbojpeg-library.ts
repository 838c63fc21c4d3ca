import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** libjpeg-turbo's own interface (turbojpeg.h), as far as it is used. */
export interface TurboJpeg {
  /** A decompressor; one call at a time. Undefined where memory has run out. */
  open(): Handle | undefined;
  close(handle: Handle): void;
  /** Size of the image in a file; undefined where its header is damaged. */
  sizeOf(handle: Handle, file: Uint8Array): { width: number; height: number } | undefined;
  /**
   * Decodes a file of that size into RGB, row by row, with the exact inverse DCT and smooth upsampling of colours: the pixels
   * that libvips, Pillow and OpenCV get. Where the size is a half, a quarter or an eighth of the file's, rounded up, that much
   * less of each block is made. False where the file is damaged or ends early.
   * @param target width * height * 3 bytes
   */
  decode(handle: Handle, file: Uint8Array, target: Uint8Array, width: number, height: number): boolean;
  /** The same on libuv's pool. Nothing of it may change meanwhile. */
  decodeAsync(
    handle: Handle,
    file: Uint8Array,
    target: Uint8Array,
    width: number,
    height: number,
  ): Promise<boolean>;
}

/** Points to what the library keeps for one decompressor. */
export type Handle = NonNullable<unknown>;

type Koffi = typeof import('koffi').default;

const RGB = 0;
const EXACT = 0;
const TIGHT_ROWS = 0;

/**
 * The library that the optional package `@julusian/jpeg-turbo` carries, called through `koffi`: the package's own binding always
 * asks for the fast inverse DCT, which is off by a level in the mean and by nine at the most. Undefined where either package
 * is not installed, or has nothing for this platform.
 */
export function loadTurboJpeg(): TurboJpeg | undefined {
  try {
    return bind();
  } catch {
    return undefined;
  }
}

function bind(): TurboJpeg {
  const require = createRequire(import.meta.url);
  const koffi = require('koffi') as Koffi;
  const library = loadLibrary(koffi, dirname(require.resolve('@julusian/jpeg-turbo/package.json')));
  const open = library.func('void *tjInitDecompress()');
  const close = library.func('int tjDestroy(void *handle)');
  const header = library.func(
    'int tjDecompressHeader3(void *handle, const uint8_t *file, unsigned long size, _Out_ int *width, _Out_ int *height, _Out_ int *subsampling, _Out_ int *colours)',
  );
  const decompress = library.func(
    'int tjDecompress2(void *handle, const uint8_t *file, unsigned long size, uint8_t *target, int width, int pitch, int height, int format, int flags)',
  );
  return {
    open: () => open() ?? undefined,
    close: (handle) => void close(handle),
    sizeOf(handle, file) {
      const [width, height] = [[0], [0]];
      const status = header(handle, file, file.byteLength, width, height, [0], [0]);
      return status === 0 ? { width: width[0] ?? 0, height: height[0] ?? 0 } : undefined;
    },
    decode: (handle, file, target, width, height) =>
      decompress(handle, file, file.byteLength, target, width, TIGHT_ROWS, height, RGB, EXACT) === 0,
    decodeAsync: (handle, file, target, width, height) =>
      new Promise((resolve, reject) => {
        const done = (error: unknown, status: number): void =>
          error ? reject(error) : resolve(status === 0);
        const size = file.byteLength;
        decompress.async(handle, file, size, target, width, TIGHT_ROWS, height, RGB, EXACT, done);
      }),
  };
}

/** Of this platform, for glibc or else for musl. Throws where none loads. */
function loadLibrary(koffi: Koffi, packageFolder: string): ReturnType<Koffi['load']> {
  const name = `jpeg-turbo-${process.platform}-${process.arch}`;
  const candidates = [name, `${name}-musl`].flatMap((each) =>
    librariesIn(join(packageFolder, 'prebuilds', each)),
  );
  let failure: unknown = new Error(`there is no library for ${name}`);
  for (const candidate of candidates) {
    try {
      return koffi.load(candidate);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function librariesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.startsWith('libturbojpeg.'));
  return files.map((file) => join(folder, file));
}
