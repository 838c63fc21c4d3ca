/** Below this a run is copied: kept by itself, a byte would cost a hundred times its size. */
const SMALL_RUN_BYTES = 16 * 1024;
const LEAST_BLOCK_BYTES = 4 * 1024;
const MOST_BLOCK_BYTES = 64 * 1024;
const NOTHING: Buffer = Buffer.alloc(0);

/** Bytes that arrive in pieces of any size, in about as much memory as there are bytes. */
export class CollectedBytes {
  #pieces: Buffer[] = [];
  /** What came last, as far as it lies in one in memory: slices of one piece are one run. */
  #run = NOTHING;
  #block = NOTHING;
  #used = 0;
  #copied = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    if (follows(this.#run, piece)) {
      this.#run = Buffer.from(piece.buffer, this.#run.byteOffset, this.#run.length + piece.length);
      return;
    }
    this.#endRun();
    this.#run = piece;
  }

  /** For bytes whose memory is used again by the caller. */
  addCopy(bytes: Uint8Array): void {
    this.#length += bytes.length;
    this.#endRun();
    this.#copy(bytes);
  }

  /** All of them in one; made once. */
  join(): Buffer {
    this.#endRun();
    this.#endBlock();
    const [only] = this.#pieces;
    if (this.#pieces.length === 1 && only !== undefined) return only;
    const joined = Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }

  #endRun(): void {
    const run = this.#run;
    this.#run = NOTHING;
    if (run.length < SMALL_RUN_BYTES) {
      this.#copy(run);
    } else {
      this.#endBlock();
      this.#pieces.push(run);
    }
  }

  #copy(bytes: Uint8Array): void {
    if (this.#used + bytes.length > this.#block.length) this.#startBlock(bytes.length);
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#copied += bytes.length;
  }

  #startBlock(atLeast: number): void {
    this.#endBlock();
    const size = Math.min(MOST_BLOCK_BYTES, Math.max(LEAST_BLOCK_BYTES, this.#copied));
    this.#block = Buffer.allocUnsafe(Math.max(size, atLeast));
  }

  #endBlock(): void {
    if (this.#used > 0) this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = this.#block.subarray(this.#used);
    this.#used = 0;
  }
}

function follows(run: Buffer, piece: Buffer): boolean {
  return run.buffer === piece.buffer && run.byteOffset + run.length === piece.byteOffset;
}
