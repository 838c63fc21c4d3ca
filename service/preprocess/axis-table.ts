import { roundHalfEven } from './geometry.js';
import type { InputSpec } from './image.js';

export type Filter = InputSpec['resize']['filter'];
export type ConvolutionFilter = Exclude<Filter, 'nearest' | 'opencv-linear'>;

/** One direction of a resize: the output pixels `from` to `from + count` of `outSize`, read from `inSize` pixels. */
export interface Axis {
  readonly filter: Filter;
  readonly inSize: number;
  /** How many of them the image covers: less than `inSize` where the last one reaches beyond its edge. */
  readonly inExtent: number;
  readonly outSize: number;
  readonly from: number;
  readonly count: number;
  /** OpenCV treats the borders of rows and of columns differently. */
  readonly direction: 'horizontal' | 'vertical';
}

/** For each output pixel of an axis, which input pixels it is made of and how. */
export interface AxisTable {
  /** First input pixel of each window. */
  readonly firsts: Int32Array;
  /** Input pixels in each window. */
  readonly lengths: Int32Array;
  /**
   * Of a convolution: `groups * 8` for each window, four taps a group (low bits x 4, high bits x 4, see the kernel).
   * Of opencv-linear: two for each window, 11-bit. Of nearest: none.
   */
  readonly weights: Int16Array;
  readonly groups: number;
  /** Input pixels that any window needs: from, and how many. */
  readonly spanFrom: number;
  readonly spanLength: number;
  /** Most pixels of the span are needed; otherwise there are gaps between the windows. */
  readonly isDense: boolean;
  /** Every window is one pixel taken as it is. */
  readonly isCopy: boolean;
}

interface Kernel {
  readonly support: number;
  weight(distance: number): number;
}

const PRECISION = 1 << 22;
const LOW_BITS = 15;
const TAPS_PER_GROUP = 4;
const LINEAR_SCALE = 2048;
/** From this share of pixels needed on it is quicker to prepare the others too. */
const DENSE = 0.7;

/** The filters of Pillow's Resample.c: support in output pixels, weight by distance. */
const CONVOLUTIONS: Readonly<Record<ConvolutionFilter, Kernel>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: hamming },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Pillow's constants are floats. */
const HAMMING_MEAN = Math.fround(0.54);
const HAMMING_SWING = Math.fround(0.46);

function hamming(x: number): number {
  const distance = Math.abs(x);
  if (distance === 0) return 1;
  return distance >= 1 ? 0 : sinc(distance) * (HAMMING_MEAN + HAMMING_SWING * Math.cos(distance * Math.PI));
}

/** The cubic with a = -0.5. */
function bicubic(x: number): number {
  const distance = Math.abs(x);
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  if (distance < 2) return (((distance - 5) * distance + 8) * distance - 4) * -0.5;
  return 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Computes the table of an axis. Time and memory grow with `count` times the window, not with `outSize`. */
export function axisTable(axis: Axis): AxisTable {
  if (axis.filter === 'nearest') return nearestTable(axis);
  if (axis.filter === 'opencv-linear') return linearTable(axis);
  return convolutionTable(axis, CONVOLUTIONS[axis.filter]);
}

/** How much a convolution shrinks, at least 1: Pillow widens its filters by this. */
function shrinkOf(axis: Axis): number {
  return Math.max(1, axis.inExtent / axis.outSize);
}

function convolutionTable(axis: Axis, kernel: Kernel): AxisTable {
  if (axis.inExtent === axis.outSize) return copyTable(axis);
  const windows = windowsOf(axis, kernel.support * shrinkOf(axis));
  const groups = Math.ceil(windows.lengths.reduce((most, taps) => Math.max(most, taps), 0) / TAPS_PER_GROUP);
  const weights = new Int16Array(axis.count * groups * TAPS_PER_GROUP * 2);
  for (let index = 0; index < axis.count; index++) {
    const first = windows.firsts[index] ?? 0;
    const taps = tapsOf(axis, kernel, axis.from + index, first, windows.lengths[index] ?? 0);
    pack(taps, weights.subarray(index * groups * TAPS_PER_GROUP * 2));
  }
  return { ...windows, weights, groups, ...spanOf(windows), isCopy: false };
}

interface Windows {
  readonly firsts: Int32Array;
  readonly lengths: Int32Array;
}

function windowsOf(axis: Axis, support: number): Windows {
  const firsts = new Int32Array(axis.count);
  const lengths = new Int32Array(axis.count);
  for (let index = 0; index < axis.count; index++) {
    const center = (axis.from + index + 0.5) * (axis.inExtent / axis.outSize);
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    firsts[index] = first;
    lengths[index] = Math.min(axis.inSize, Math.trunc(center + support + 0.5)) - first;
  }
  return { firsts, lengths };
}

/** Weights of one window as Pillow rounds them: normalised, then to 22 bits, halves away from zero. */
function tapsOf(axis: Axis, kernel: Kernel, output: number, first: number, length: number): Float64Array {
  const center = (output + 0.5) * (axis.inExtent / axis.outSize);
  const step = 1 / shrinkOf(axis);
  const taps = new Float64Array(length);
  let total = 0;
  for (let tap = 0; tap < length; tap++) {
    const weight = kernel.weight((tap + first - center + 0.5) * step);
    taps[tap] = weight;
    total += weight;
  }
  return taps.map((weight) => toFixed(total === 0 ? weight : weight / total));
}

function toFixed(weight: number): number {
  return Math.trunc(weight * PRECISION + (weight < 0 ? -0.5 : 0.5));
}

function pack(taps: Float64Array, packed: Int16Array): void {
  for (const [tap, weight] of taps.entries()) {
    const at = Math.trunc(tap / TAPS_PER_GROUP) * TAPS_PER_GROUP * 2 + (tap % TAPS_PER_GROUP);
    packed[at] = weight & ((1 << LOW_BITS) - 1);
    packed[at + TAPS_PER_GROUP] = weight >> LOW_BITS;
  }
}

/** cv2.INTER_LINEAR: positions and fractions in float32, weights of 11 bits. */
function linearTable(axis: Axis): AxisTable {
  const firsts = new Int32Array(axis.count);
  const lengths = new Int32Array(axis.count);
  const weights = new Int16Array(axis.count * 2);
  const scale = 1 / (axis.outSize / axis.inExtent);
  const last = axis.inSize - 1;
  for (let index = 0; index < axis.count; index++) {
    const position = Math.fround((axis.from + index + 0.5) * scale - 0.5);
    const floor = Math.floor(position);
    const isOutside = axis.direction === 'horizontal' && (floor < 0 || floor >= last);
    const fraction = isOutside ? 0 : Math.fround(position - floor);
    const first = Math.min(last, Math.max(0, floor));
    firsts[index] = first;
    lengths[index] = Math.min(last, Math.max(0, floor + 1)) - first + 1;
    weights[index * 2] = roundHalfEven(Math.fround(1 - fraction) * LINEAR_SCALE);
    weights[index * 2 + 1] = roundHalfEven(fraction * LINEAR_SCALE);
  }
  const windows = { firsts, lengths };
  return { ...windows, weights, groups: 0, ...spanOf(windows), isCopy: axis.inExtent === axis.outSize };
}

/** Pillow adds up the positions one by one, rounding errors included; so do we. */
function nearestTable(axis: Axis): AxisTable {
  const firsts = new Int32Array(axis.count);
  const step = axis.inExtent / axis.outSize;
  let position = step * 0.5;
  for (let output = 0; output < axis.from + axis.count; output++) {
    if (output >= axis.from) firsts[output - axis.from] = Math.min(axis.inSize - 1, Math.trunc(position));
    position += step;
  }
  return singles(axis, firsts);
}

function copyTable(axis: Axis): AxisTable {
  return singles(
    axis,
    Int32Array.from({ length: axis.count }, (_, index) => axis.from + index),
  );
}

function singles(axis: Axis, firsts: Int32Array): AxisTable {
  const windows = { firsts, lengths: new Int32Array(axis.count).fill(1) };
  const isCopy = axis.inExtent === axis.outSize;
  return { ...windows, weights: new Int16Array(0), groups: 0, ...spanOf(windows), isCopy };
}

type Span = Pick<AxisTable, 'spanFrom' | 'spanLength' | 'isDense'>;

function spanOf({ firsts, lengths }: Windows): Span {
  const last = firsts.length - 1;
  const spanFrom = firsts[0] ?? 0;
  const spanLength = (firsts[last] ?? 0) + (lengths[last] ?? 0) - spanFrom;
  let needed = 0;
  let end = 0;
  for (const [index, first] of firsts.entries()) {
    const to = first + (lengths[index] ?? 0);
    needed += Math.max(0, to - Math.max(first, end));
    end = Math.max(end, to);
  }
  return { spanFrom, spanLength, isDense: needed >= spanLength * DENSE };
}
