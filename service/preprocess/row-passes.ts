import type { AxisTable } from './axis-table.js';
import { type Arena, align } from './kernel/arena.js';
import type { Kernel } from './kernel/kernel.js';

/** The horizontal half of a resize: rows of pixels in, rows of intermediate values out. Addresses in the arena. */
export interface HorizontalPass {
  /** Bytes from one intermediate row to the next. */
  readonly stride: number;
  run(source: number, sourceStride: number, rows: number, target: number): void;
}

/** The vertical half: a window of intermediate rows into one row of bytes. */
export interface VerticalPass {
  /** Returns the address of the row, valid until the next call. */
  run(output: number, window: Window): number;
}

/** Finds intermediate rows `first` to `first + count`, made where they are not there yet. */
export interface Window {
  /** The most rows that can be had at once; even. */
  readonly capacity: number;
  readonly stride: number;
  rows(first: number, count: number): number;
}

export interface PassSetting {
  readonly kernel: Kernel;
  readonly arena: Arena;
  readonly columns: number;
  readonly channels: number;
}

/** Rows of bytes leave room for vector stores. */
function strideOf(bytes: number): number {
  return align(bytes) + 16;
}

/** Chooses and sets up the horizontal pass of a table. */
export function horizontalPass(setting: PassSetting, table: AxisTable, isLinear: boolean): HorizontalPass {
  const { kernel, arena, columns, channels } = setting;
  if (isLinear) return linearRows(setting, table);
  const stride = strideOf(columns * channels);
  if (table.isCopy) {
    const skip = table.spanFrom * channels;
    const length = columns * channels;
    return {
      stride,
      run: (source, sourceStride, rows, target) =>
        kernel.copyRows(source + skip, sourceStride, rows, target, stride, length),
    };
  }
  const firsts = arena.put(table.firsts);
  if (table.groups === 0) {
    return {
      stride,
      run: (source, sourceStride, rows, target) =>
        kernel.pickRows(source, sourceStride, rows, target, stride, firsts, columns, channels),
    };
  }
  const weights = arena.put(table.weights);
  const convolve = channels === 3 ? kernel.convolveRowsRgb : kernel.convolveRowsGrey;
  return {
    stride,
    run: (source, sourceStride, rows, target) =>
      convolve(source, sourceStride, rows, target, stride, firsts, weights, table.groups, columns),
  };
}

function linearRows({ kernel, arena, columns, channels }: PassSetting, table: AxisTable): HorizontalPass {
  const stride = strideOf(columns * channels * 2);
  const firsts = arena.put(table.firsts);
  const weights = arena.put(table.weights);
  const interpolate = channels === 3 ? kernel.linearRowsRgb : kernel.linearRowsGrey;
  return {
    stride,
    run: (source, sourceStride, rows, target) =>
      interpolate(source, sourceStride, rows, target, stride, firsts, weights, columns),
  };
}

/** Chooses and sets up the vertical pass of a table. */
export function verticalPass(setting: PassSetting, table: AxisTable, isLinear: boolean): VerticalPass {
  if (isLinear) return linearColumns(setting, table);
  if (table.groups === 0) return { run: (output, window) => window.rows(table.firsts[output] ?? 0, 1) };
  return convolveColumns(setting, table);
}

function linearColumns({ kernel, arena, columns, channels }: PassSetting, table: AxisTable): VerticalPass {
  const length = columns * channels;
  const target = arena.take(strideOf(length));
  return {
    run(output, window) {
      const count = table.lengths[output] ?? 0;
      const upper = window.rows(table.firsts[output] ?? 0, count);
      const lower = upper + (count - 1) * window.stride;
      const above = table.weights[output * 2] ?? 0;
      const below = table.weights[output * 2 + 1] ?? 0;
      kernel.linearColumns(upper, lower, above, below, target, length);
      return target;
    },
  };
}

const GROUP_BYTES = 16;
const TAPS_PER_GROUP = 4;

function convolveColumns({ kernel, arena, columns, channels }: PassSetting, table: AxisTable): VerticalPass {
  const length = columns * channels;
  const target = arena.take(strideOf(length));
  const sums = arena.take(align(length) * 8);
  const weights = arena.put(table.weights);
  return {
    run(output, window) {
      const first = table.firsts[output] ?? 0;
      const taps = table.lengths[output] ?? 0;
      const part = Math.trunc(window.capacity / TAPS_PER_GROUP) * TAPS_PER_GROUP;
      for (let done = 0; done < taps; done += part) {
        const count = Math.min(part, taps - done);
        const rows = window.rows(first + done, count);
        const weight = weights + (output * table.groups + done / TAPS_PER_GROUP) * GROUP_BYTES;
        const isLast = done + count === taps;
        kernel.convolveColumns(rows, window.stride, count, weight, target, length, sums, done === 0, isLast);
      }
      return target;
    },
  };
}
