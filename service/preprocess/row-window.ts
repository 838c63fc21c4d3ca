import type { AxisTable } from './axis-table.js';
import type { Pixels } from './image.js';
import { type Arena, align } from './kernel/arena.js';
import type { Kernel } from './kernel/kernel.js';
import type { HorizontalPass, Window } from './row-passes.js';

/** Rows of the image are copied into the kernel's memory in strips of about this size, to stay in the cache. */
const STRIP_BYTES = 256 * 1024;
/** Intermediate rows kept at once, unless four rows need more. */
const WINDOW_BYTES = 1024 * 1024;
const MIN_ROWS = 4;

export interface RowWindowOptions {
  readonly kernel: Kernel;
  readonly arena: Arena;
  readonly pixels: Pixels;
  readonly channels: number;
  readonly pass: HorizontalPass;
  readonly table: AxisTable;
}

/** Makes intermediate rows on demand, front to back, and keeps the latest. */
export class RowWindow implements Window {
  readonly capacity: number;
  readonly stride: number;
  readonly #options: RowWindowOptions;
  readonly #source: Uint8Array;
  readonly #rowBytes: number;
  readonly #strip: number;
  readonly #stripRows: number;
  readonly #grey: number;
  readonly #rows: number;
  readonly #ahead: number;
  #from = 0;
  #to = 0;

  constructor(options: RowWindowOptions) {
    const { arena, pixels, pass, table } = options;
    this.#options = options;
    this.#source = new Uint8Array(pixels.data, 0, pixels.width * pixels.height * 3);
    this.#rowBytes = pixels.width * 3;
    this.stride = pass.stride;
    this.#stripRows = Math.max(1, Math.min(pixels.height, Math.trunc(STRIP_BYTES / this.#rowBytes)));
    this.#strip = arena.take(this.#stripRows * this.#rowBytes);
    this.#grey = options.channels === 1 ? arena.take(this.#stripRows * pixels.width) : 0;
    const wanted = Math.min(align(table.spanLength), Math.trunc(WINDOW_BYTES / this.stride));
    this.capacity = Math.max(MIN_ROWS, wanted);
    this.#rows = arena.take((this.capacity + 1) * this.stride);
    this.#ahead = table.isDense ? table.spanFrom + table.spanLength : 0;
  }

  rows(first: number, count: number): number {
    const to = first + count;
    if (first < this.#from || first > this.#to) this.#restart(first);
    if (to > this.#from + this.capacity) this.#slide(first);
    if (to > this.#to) {
      const ahead = Math.min(this.#ahead, this.#to + this.#stripRows, this.#from + this.capacity);
      this.#make(Math.max(to, ahead));
    }
    return this.#address(first);
  }

  #address(row: number): number {
    return this.#rows + (row - this.#from) * this.stride;
  }

  #restart(first: number): void {
    this.#from = first;
    this.#to = first;
  }

  /** Drops the rows before `first`. */
  #slide(first: number): void {
    const start = this.#address(first);
    this.#options.arena.bytes.copyWithin(this.#rows, start, this.#address(this.#to));
    this.#from = first;
  }

  #make(to: number): void {
    while (this.#to < to) {
      const count = Math.min(this.#stripRows, to - this.#to);
      const start = this.#to * this.#rowBytes;
      const strip = this.#source.subarray(start, start + count * this.#rowBytes);
      this.#options.arena.bytes.set(strip, this.#strip);
      this.#convert(count);
      this.#to += count;
    }
  }

  #convert(count: number): void {
    const { kernel, pass, channels, pixels } = this.#options;
    const target = this.#address(this.#to);
    if (channels === 3) {
      pass.run(this.#strip, this.#rowBytes, count, target);
      return;
    }
    kernel.greyFromRgb(this.#strip, this.#grey, count * pixels.width);
    pass.run(this.#grey, pixels.width, count, target);
  }
}
