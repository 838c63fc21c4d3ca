/** Below this a piece is copied: kept by itself, a byte would cost a hundred times its size. */
const SMALL_PIECE_BYTES = 16 * 1024;
const LEAST_BLOCK_BYTES = 4 * 1024;
const MOST_BLOCK_BYTES = 64 * 1024;

/** Bytes that arrive in pieces of any size, in about as much memory as there are bytes. */
export class CollectedBytes {
  readonly #pieces: Buffer[] = [];
  #block = Buffer.alloc(0);
  #used = 0;
  #copied = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    if (piece.length >= SMALL_PIECE_BYTES) {
      this.#endBlock();
      this.#pieces.push(piece);
      return;
    }
    if (this.#used + piece.length > this.#block.length) this.#startBlock(piece.length);
    this.#used += piece.copy(this.#block, this.#used);
    this.#copied += piece.length;
  }

  /** All of them in one. */
  join(): Buffer {
    this.#endBlock();
    const [only] = this.#pieces;
    return this.#pieces.length === 1 && only !== undefined ? only : Buffer.concat(this.#pieces);
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
