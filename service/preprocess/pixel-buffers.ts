/** Sizes are rounded up to this fraction of themselves, so that images of similar size share buffers. */
const SIZE_CLASSES_PER_DOUBLING = 8;
const SMALLEST_CLASS_BYTES = 4096;

/**
 * Buffers for pixels that are used again once a worker has handed them back. Fresh memory costs a page fault for each
 * 4 KiB that is written: a third of the decoding of a 640x480 JPEG (measured: docs/decisions/0006-pixel-buffers.md).
 */
export class PixelBuffers {
  readonly #maxBytes: number;
  readonly #free = new Map<number, ArrayBuffer[]>();
  #bytes = 0;

  /** @param maxBytes how much is kept for later */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are kept for later. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A buffer of at least that size. It may hold what an earlier image has left: write all that you read. */
  take(minBytes: number): ArrayBuffer {
    const size = sizeClass(minBytes);
    const buffer = this.#free.get(size)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size).buffer;
    this.#bytes -= size;
    return buffer;
  }

  /** Keeps a buffer for later, if it is one of ours and there is room. */
  give(buffer: ArrayBuffer): void {
    const size = buffer.byteLength;
    if (size !== sizeClass(size) || this.#bytes + size > this.#maxBytes) return;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [buffer]);
    else free.push(buffer);
    this.#bytes += size;
  }
}

/** The smallest size that is kept and not below the given one: at most an eighth above it. */
export function sizeClass(bytes: number): number {
  if (bytes <= SMALLEST_CLASS_BYTES) return SMALLEST_CLASS_BYTES;
  const step = 2 ** Math.floor(Math.log2(bytes)) / SIZE_CLASSES_PER_DOUBLING;
  return Math.ceil(bytes / step) * step;
}
