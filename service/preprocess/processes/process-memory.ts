import { loadMallocTrim } from '../../malloc-trim.js';

/** Of files and pixels: so much is worth a small collection, and so much the few milliseconds of a full one. */
const SOME_GARBAGE_BYTES = 8 * 1024 * 1024;
const MUCH_GARBAGE_BYTES = 16 * 1024 * 1024;
/** What sharp held on to is let go of by one collection and gone with the next. */
const COLLECTIONS = 3;
const COLLECT_AGAIN_MS = 20;
/** So long after the last file all that is kept for the next one goes. */
const REST_MS = 1_000;

/**
 * Memory of a decode process, outside V8's heap for the most part. While files keep coming it is used again: fresh memory costs a
 * page fault for each 4 KiB, a fifth of what a large JPEG takes. At rest it is given back.
 */
export class ProcessMemory {
  #pixels = Buffer.alloc(0);
  #rest: NodeJS.Timeout | undefined;
  #trim: (() => void) | undefined;

  /** Room for so many bytes of pixels, or more, whose contents are anything: the same at each call. */
  takePixels(bytes: number): Buffer {
    if (this.#pixels.length < bytes) this.#pixels = Buffer.allocUnsafeSlow(bytes);
    return this.#pixels;
  }

  /** A file has come. */
  begin(): void {
    clearTimeout(this.#rest);
  }

  /** It is done with. */
  end(): void {
    this.#rest = setTimeout(() => this.#giveBack(COLLECTIONS), REST_MS);
  }

  /** An answer has gone. V8 would collect file and pixels for other reasons only. */
  collect(): void {
    const garbage = process.memoryUsage().external - this.#pixels.length;
    if (garbage < SOME_GARBAGE_BYTES) return;
    // Node 20 takes any options for those of a small one, which is enough between files.
    globalThis.gc?.({ type: garbage > MUCH_GARBAGE_BYTES ? 'major' : 'minor' });
  }

  #giveBack(rounds: number): void {
    this.#pixels = Buffer.alloc(0);
    // Without options a full one, on every Node.
    globalThis.gc?.();
    if (rounds > 1) this.#rest = setTimeout(() => this.#giveBack(rounds - 1), COLLECT_AGAIN_MS);
    else this.#trimHeap();
  }

  #trimHeap(): void {
    this.#trim ??= loadMallocTrim();
    this.#trim?.();
  }
}
