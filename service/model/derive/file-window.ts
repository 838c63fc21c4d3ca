import type { FileHandle } from 'node:fs/promises';

/** Small: what is looked for lies between weights that are skipped. */
const WINDOW_BYTES = 8 * 1024;

/** A file that ended or lied about a length. */
export class MalformedFile extends Error {}

/** Reads pieces of a file without the rest of it: a window of a few kilobytes that moves to where it is needed. */
export class FileWindow {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #window = Buffer.alloc(WINDOW_BYTES);
  #from = 0;
  #length = 0;

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  /** Up to `length` bytes at `position`, fewer only at the end of the file. A view: gone with the next call. @param length at most 8 KiB */
  async peek(position: number, length: number): Promise<Buffer> {
    const end = Math.min(position + length, this.size);
    if (position < this.#from || end > this.#from + this.#length) await this.#move(position);
    return this.#window.subarray(position - this.#from, end - this.#from);
  }

  /** All of a piece; gone with the next call where it is short. Throws MalformedFile where the file ends before it. */
  async read(position: number, length: number): Promise<Buffer> {
    const piece =
      length <= WINDOW_BYTES ? await this.peek(position, length) : await this.#readWhole(position, length);
    if (piece.byteLength < length) throw new MalformedFile('the file ends early');
    return piece;
  }

  async #readWhole(position: number, length: number): Promise<Buffer> {
    const piece = Buffer.alloc(length);
    const { bytesRead } = await this.#file.read(piece, 0, length, position);
    return piece.subarray(0, bytesRead);
  }

  async #move(position: number): Promise<void> {
    const { bytesRead } = await this.#file.read(this.#window, 0, WINDOW_BYTES, position);
    this.#from = position;
    this.#length = bytesRead;
    if (bytesRead === 0) throw new MalformedFile('the file ends early');
  }
}
