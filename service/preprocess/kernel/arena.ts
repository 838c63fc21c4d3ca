import type { Kernel } from './kernel.js';

const PAGE_BYTES = 65_536;
const ALIGNMENT = 16;
/** The kernels may touch this much past the end of a row. */
const SLACK_BYTES = 64;

/** The kernel's memory, handed out from front to back and taken back all at once. It never shrinks. */
export class Arena {
  readonly #memory: Kernel['memory'];
  #end: number = ALIGNMENT;
  #bytes: Uint8Array;

  constructor(kernel: Kernel) {
    this.#memory = kernel.memory;
    this.#bytes = new Uint8Array(kernel.memory.buffer);
  }

  /** The whole memory. Ask again after `take`: growing detaches what was handed out. */
  get bytes(): Uint8Array {
    if (this.#bytes.buffer !== this.#memory.buffer) this.#bytes = new Uint8Array(this.#memory.buffer);
    return this.#bytes;
  }

  /** Bytes that the instance holds. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Where free memory begins: hand it to `release` to take back all that was taken since. */
  get mark(): number {
    return this.#end;
  }

  release(mark: number): void {
    this.#end = mark;
  }

  /** The address of `length` bytes, not cleared, with slack behind them. */
  take(length: number): number {
    const address = this.#end;
    this.#end = align(address + length + SLACK_BYTES);
    const missing = this.#end - this.size;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
    return address;
  }

  /** Takes memory and fills it with the bytes of `values`. */
  put(values: Int32Array | Int16Array | Uint8Array | Float32Array): number {
    const address = this.take(values.byteLength);
    this.bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), address);
    return address;
  }
}

/** The next multiple of 16. */
export function align(value: number): number {
  return Math.ceil(value / ALIGNMENT) * ALIGNMENT;
}
