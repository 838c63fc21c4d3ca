// AssemblyScript: compiled by `npm run build:kernel`, driven by ../resample.ts, which owns all of the memory.
//
// Addresses are bytes. Rows lie `stride` apart with at least 16 bytes of slack behind each: a kernel may read and
// write up to 16 bytes past the end of a row of its own.
//
// Weights of a convolution are 22-bit integers split as `high * 2^15 + low`, so that the exact 32-bit sum is made of
// 16-bit dot products. Four taps are one group of 16 bytes: low0..low3, high0..high3.

/** Pillow's PRECISION_BITS: 32 - 8 bits of pixel - 2 bits of headroom. */
const PRECISION_BITS: i32 = 22;
const LOW_BITS: i32 = 15;
const GROUP_BYTES: usize = 16;

// @ts-ignore: decorator
@inline
function sum(low: v128, high: v128): v128 {
  const total = i32x4.add(i32x4.add(low, i32x4.shl(high, LOW_BITS)), i32x4.splat(1 << (PRECISION_BITS - 1)));
  return i32x4.shr_s(total, PRECISION_BITS);
}

// @ts-ignore: decorator
@inline
function firstPair(pixels: v128): v128 {
  return i8x16.swizzle(pixels, i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1));
}

// @ts-ignore: decorator
@inline
function secondPair(pixels: v128): v128 {
  return i8x16.swizzle(pixels, i8x16(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1));
}

/** Convolves rows of RGB pixels; two rows at a time share the weights. `firsts`: i32, first pixel of each window. */
export function convolveRowsRgb(
  source: usize, sourceStride: usize, rows: i32, target: usize, targetStride: usize,
  firsts: usize, weights: usize, groups: i32, columns: i32,
): void {
  for (let row = 0; row < rows; row += 2) {
    const next = select<usize>(1, 0, row + 1 < rows);
    const sourceA = source + <usize>row * sourceStride;
    const sourceB = sourceA + next * sourceStride;
    const targetA = target + <usize>row * targetStride;
    const targetB = targetA + next * targetStride;
    let weight = weights;
    for (let column = 0; column < columns; column++) {
      let offset = <usize>load<i32>(firsts + (<usize>column << 2)) * 3;
      let lowA = i32x4.splat(0), highA = i32x4.splat(0);
      let lowB = i32x4.splat(0), highB = i32x4.splat(0);
      for (let group = 0; group < groups; group++) {
        const a = v128.load(sourceA + offset);
        const b = v128.load(sourceB + offset);
        const low01 = v128.load32_splat(weight), low23 = v128.load32_splat(weight, 4);
        const high01 = v128.load32_splat(weight, 8), high23 = v128.load32_splat(weight, 12);
        const a01 = firstPair(a), a23 = secondPair(a), b01 = firstPair(b), b23 = secondPair(b);
        lowA = i32x4.add(lowA, i32x4.add(i32x4.dot_i16x8_s(a01, low01), i32x4.dot_i16x8_s(a23, low23)));
        lowB = i32x4.add(lowB, i32x4.add(i32x4.dot_i16x8_s(b01, low01), i32x4.dot_i16x8_s(b23, low23)));
        highA = i32x4.add(highA, i32x4.add(i32x4.dot_i16x8_s(a01, high01), i32x4.dot_i16x8_s(a23, high23)));
        highB = i32x4.add(highB, i32x4.add(i32x4.dot_i16x8_s(b01, high01), i32x4.dot_i16x8_s(b23, high23)));
        weight += GROUP_BYTES;
        offset += 12;
      }
      const words = i16x8.narrow_i32x4_s(sum(lowA, highA), sum(lowB, highB));
      const bytes = i8x16.narrow_i16x8_u(words, words);
      v128.store32_lane(targetA + <usize>column * 3, bytes, 0);
      v128.store32_lane(targetB + <usize>column * 3, bytes, 1);
    }
  }
}

/** Convolves rows of grey pixels. */
export function convolveRowsGrey(
  source: usize, sourceStride: usize, rows: i32, target: usize, targetStride: usize,
  firsts: usize, weights: usize, groups: i32, columns: i32,
): void {
  const twice = i8x16(0, -1, 1, -1, 2, -1, 3, -1, 0, -1, 1, -1, 2, -1, 3, -1);
  for (let row = 0; row < rows; row++) {
    const sourceRow = source + <usize>row * sourceStride;
    const targetRow = target + <usize>row * targetStride;
    let weight = weights;
    for (let column = 0; column < columns; column++) {
      let at = sourceRow + <usize>load<i32>(firsts + (<usize>column << 2));
      let sums = i32x4.splat(0);
      for (let group = 0; group < groups; group++) {
        const pixels = i8x16.swizzle(v128.load32_zero(at), twice);
        sums = i32x4.add(sums, i32x4.dot_i16x8_s(pixels, v128.load(weight)));
        weight += GROUP_BYTES;
        at += 4;
      }
      const low = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1);
      const high = i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
      const value = (low + (high << LOW_BITS) + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS;
      store<u8>(targetRow + <usize>column, <u8>max<i32>(0, min<i32>(255, value)));
    }
  }
}

/**
 * Convolves `taps` rows into one row of `length` bytes. A window of too many rows comes in parts (`taps` even in all
 * but the last): sums wait in `sums` (length * 8 bytes) unless the part is the first and the last at once.
 */
export function convolveColumns(
  rows: usize, stride: usize, taps: i32, weights: usize, target: usize, length: i32,
  sums: usize, isFirst: bool, isLast: bool,
): void {
  for (let x = 0; x < length; x += 16) {
    const kept = sums + (<usize>x << 3);
    let low0 = i32x4.splat(0), low1 = low0, low2 = low0, low3 = low0;
    let high0 = low0, high1 = low0, high2 = low0, high3 = low0;
    if (!isFirst) {
      low0 = v128.load(kept); low1 = v128.load(kept, 16); low2 = v128.load(kept, 32); low3 = v128.load(kept, 48);
      high0 = v128.load(kept, 64); high1 = v128.load(kept, 80);
      high2 = v128.load(kept, 96); high3 = v128.load(kept, 112);
    }
    let at = rows + <usize>x;
    for (let tap = 0; tap < taps; tap += 2) {
      const weight = weights + (<usize>(tap >> 2) << 4) + (<usize>(tap & 2) << 1);
      const low = v128.load32_splat(weight), high = v128.load32_splat(weight, 8);
      const a = v128.load(at), b = v128.load(at + stride);
      const front = i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const back = i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      const pairs0 = i16x8.extend_low_i8x16_u(front), pairs1 = i16x8.extend_high_i8x16_u(front);
      low0 = i32x4.add(low0, i32x4.dot_i16x8_s(pairs0, low));
      high0 = i32x4.add(high0, i32x4.dot_i16x8_s(pairs0, high));
      low1 = i32x4.add(low1, i32x4.dot_i16x8_s(pairs1, low));
      high1 = i32x4.add(high1, i32x4.dot_i16x8_s(pairs1, high));
      const pairs2 = i16x8.extend_low_i8x16_u(back), pairs3 = i16x8.extend_high_i8x16_u(back);
      low2 = i32x4.add(low2, i32x4.dot_i16x8_s(pairs2, low));
      high2 = i32x4.add(high2, i32x4.dot_i16x8_s(pairs2, high));
      low3 = i32x4.add(low3, i32x4.dot_i16x8_s(pairs3, low));
      high3 = i32x4.add(high3, i32x4.dot_i16x8_s(pairs3, high));
      at += stride << 1;
    }
    if (isLast) {
      const front = i16x8.narrow_i32x4_s(sum(low0, high0), sum(low1, high1));
      const back = i16x8.narrow_i32x4_s(sum(low2, high2), sum(low3, high3));
      v128.store(target + <usize>x, i8x16.narrow_i16x8_u(front, back));
    } else {
      v128.store(kept, low0); v128.store(kept, low1, 16); v128.store(kept, low2, 32); v128.store(kept, low3, 48);
      v128.store(kept, high0, 64); v128.store(kept, high1, 80);
      v128.store(kept, high2, 96); v128.store(kept, high3, 112);
    }
  }
}

/**
 * The horizontal half of cv2.INTER_LINEAR on RGB: i16 sums of two pixels with 11-bit weights, shifted right by 4.
 * `weights`: two i16 for each column.
 */
export function linearRowsRgb(
  source: usize, sourceStride: usize, rows: i32, target: usize, targetStride: usize,
  firsts: usize, weights: usize, columns: i32,
): void {
  for (let row = 0; row < rows; row += 4) {
    // Behind the last row comes the last row again: four at a time share the weights.
    const row1 = min(row + 1, rows - 1), row2 = min(row + 2, rows - 1), row3 = min(row + 3, rows - 1);
    const source0 = source + <usize>row * sourceStride, source1 = source + <usize>row1 * sourceStride;
    const source2 = source + <usize>row2 * sourceStride, source3 = source + <usize>row3 * sourceStride;
    let target0 = target + <usize>row * targetStride, target1 = target + <usize>row1 * targetStride;
    let target2 = target + <usize>row2 * targetStride, target3 = target + <usize>row3 * targetStride;
    const end = <usize>columns << 2;
    for (let entry: usize = 0; entry < end; entry += 4) {
      const offset = <usize>load<i32>(firsts + entry) * 3;
      const weight = v128.load32_splat(weights + entry);
      const sum0 = i32x4.dot_i16x8_s(firstPair(v128.load64_zero(source0 + offset)), weight);
      const sum1 = i32x4.dot_i16x8_s(firstPair(v128.load64_zero(source1 + offset)), weight);
      const sum2 = i32x4.dot_i16x8_s(firstPair(v128.load64_zero(source2 + offset)), weight);
      const sum3 = i32x4.dot_i16x8_s(firstPair(v128.load64_zero(source3 + offset)), weight);
      const front = i16x8.narrow_i32x4_s(i32x4.shr_s(sum0, 4), i32x4.shr_s(sum1, 4));
      const back = i16x8.narrow_i32x4_s(i32x4.shr_s(sum2, 4), i32x4.shr_s(sum3, 4));
      v128.store64_lane(target0, front, 0);
      v128.store64_lane(target1, front, 1);
      v128.store64_lane(target2, back, 0);
      v128.store64_lane(target3, back, 1);
      target0 += 6; target1 += 6; target2 += 6; target3 += 6;
    }
  }
}

/** The same for grey. */
export function linearRowsGrey(
  source: usize, sourceStride: usize, rows: i32, target: usize, targetStride: usize,
  firsts: usize, weights: usize, columns: i32,
): void {
  for (let row = 0; row < rows; row++) {
    const sourceRow = source + <usize>row * sourceStride;
    const targetRow = target + <usize>row * targetStride;
    for (let column = 0; column < columns; column++) {
      const entry = <usize>column << 2;
      const at = sourceRow + <usize>load<i32>(firsts + entry);
      const left = <i32>load<u8>(at) * <i32>load<i16>(weights + entry);
      const right = <i32>load<u8>(at, 1) * <i32>load<i16>(weights + entry, 2);
      store<i16>(targetRow + (<usize>column << 1), <i16>((left + right) >> 4));
    }
  }
}

/** The upper 16 bits of the products of four 32-bit lanes that hold no more than 15 bits. */
// @ts-ignore: decorator
@inline
function scaled(sums: v128, weight: v128): v128 {
  return i32x4.shr_s(i32x4.dot_i16x8_s(sums, weight), 16);
}

// @ts-ignore: decorator
@inline
function blend(upper: v128, lower: v128, above: v128, below: v128): v128 {
  const front = i32x4.add(
    scaled(i32x4.extend_low_i16x8_u(upper), above), scaled(i32x4.extend_low_i16x8_u(lower), below),
  );
  const back = i32x4.add(
    scaled(i32x4.extend_high_i16x8_u(upper), above), scaled(i32x4.extend_high_i16x8_u(lower), below),
  );
  return i16x8.shr_s(i16x8.add(i16x8.narrow_i32x4_s(front, back), i16x8.splat(2)), 2);
}

/** The vertical half of cv2.INTER_LINEAR: two rows of `length` i16 sums into one row of bytes. */
export function linearColumns(
  upper: usize, lower: usize, upperWeight: i32, lowerWeight: i32, target: usize, length: i32,
): void {
  const above = i32x4.splat(upperWeight), below = i32x4.splat(lowerWeight);
  for (let x = 0; x < length; x += 16) {
    const at = <usize>x << 1;
    const front = blend(v128.load(upper + at), v128.load(lower + at), above, below);
    const back = blend(v128.load(upper + at, 16), v128.load(lower + at, 16), above, below);
    v128.store(target + <usize>x, i8x16.narrow_i16x8_u(front, back));
  }
}

/** Picks one pixel for each column: `firsts` says which. */
export function pickRows(
  source: usize, sourceStride: usize, rows: i32, target: usize, targetStride: usize,
  firsts: usize, columns: i32, channels: i32,
): void {
  for (let row = 0; row < rows; row++) {
    const sourceRow = source + <usize>row * sourceStride;
    const targetRow = target + <usize>row * targetStride;
    for (let column = 0; column < columns; column++) {
      const from = sourceRow + <usize>(load<i32>(firsts + (<usize>column << 2)) * channels);
      store<u32>(targetRow + <usize>(column * channels), load<u32>(from));
    }
  }
}

/** Copies rows of `length` bytes. */
export function copyRows(
  source: usize, sourceStride: usize, rows: i32, target: usize, targetStride: usize, length: i32,
): void {
  for (let row = 0; row < rows; row++) {
    memory.copy(target + <usize>row * targetStride, source + <usize>row * sourceStride, <usize>length);
  }
}

/** RGB to Pillow's L: (19595 R + 38470 G + 7471 B + 32768) >> 16; green is split in two to fit 16 bits. */
export function greyFromRgb(source: usize, target: usize, pixels: i32): void {
  const redGreen = i8x16(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1);
  const blueGreen = i8x16(2, -1, 1, -1, 5, -1, 4, -1, 8, -1, 7, -1, 11, -1, 10, -1);
  const redWeights = i16x8(19595, 19235, 19595, 19235, 19595, 19235, 19595, 19235);
  const blueWeights = i16x8(7471, 19235, 7471, 19235, 7471, 19235, 7471, 19235);
  for (let x = 0; x < pixels; x += 4) {
    const colours = v128.load(source + <usize>x * 3);
    const red = i32x4.dot_i16x8_s(i8x16.swizzle(colours, redGreen), redWeights);
    const blue = i32x4.dot_i16x8_s(i8x16.swizzle(colours, blueGreen), blueWeights);
    const levels = i32x4.shr_u(i32x4.add(i32x4.add(red, blue), i32x4.splat(32768)), 16);
    const bytes = i8x16.swizzle(levels, i8x16(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    v128.store32_lane(target + <usize>x, bytes, 0);
  }
}

// @ts-ignore: decorator
@inline
function storeAffine(target: usize, levels: v128, factor: v128, offset: v128): void {
  v128.store(target, f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(levels), factor), offset));
}

/** One row of RGB bytes into three planes of float32: `factors` holds three factors, then three offsets (f32). */
export function emitPlanes(
  source: usize, pixels: i32, red: usize, green: usize, blue: usize, factors: usize,
): void {
  const redLanes = i8x16(0, -1, -1, -1, 3, -1, -1, -1, 6, -1, -1, -1, 9, -1, -1, -1);
  const greenLanes = i8x16(1, -1, -1, -1, 4, -1, -1, -1, 7, -1, -1, -1, 10, -1, -1, -1);
  const blueLanes = i8x16(2, -1, -1, -1, 5, -1, -1, -1, 8, -1, -1, -1, 11, -1, -1, -1);
  const redFactor = v128.load32_splat(factors), redOffset = v128.load32_splat(factors, 12);
  const greenFactor = v128.load32_splat(factors, 4), greenOffset = v128.load32_splat(factors, 16);
  const blueFactor = v128.load32_splat(factors, 8), blueOffset = v128.load32_splat(factors, 20);
  let x = 0;
  for (; x + 4 <= pixels; x += 4) {
    const colours = v128.load(source + <usize>x * 3);
    const at = <usize>x << 2;
    storeAffine(red + at, i8x16.swizzle(colours, redLanes), redFactor, redOffset);
    storeAffine(green + at, i8x16.swizzle(colours, greenLanes), greenFactor, greenOffset);
    storeAffine(blue + at, i8x16.swizzle(colours, blueLanes), blueFactor, blueOffset);
  }
  for (; x < pixels; x++) {
    const from = source + <usize>x * 3, at = <usize>x << 2;
    store<f32>(red + at, <f32>load<u8>(from) * load<f32>(factors) + load<f32>(factors, 12));
    store<f32>(green + at, <f32>load<u8>(from, 1) * load<f32>(factors, 4) + load<f32>(factors, 16));
    store<f32>(blue + at, <f32>load<u8>(from, 2) * load<f32>(factors, 8) + load<f32>(factors, 20));
  }
}

// @ts-ignore: decorator
@inline
function emit<T>(
  source: usize, pixels: i32, channels: i32, table: usize, target: usize, pixelStride: usize, channelStride: usize,
): void {
  for (let channel = 0; channel < channels; channel++) {
    const levels = table + <usize>channel * 256 * sizeof<T>();
    let to = target + <usize>channel * channelStride;
    for (let x = 0; x < pixels; x++) {
      const level = <usize>load<u8>(source + <usize>(x * channels + channel));
      store<T>(to, load<T>(levels + level * sizeof<T>()));
      to += pixelStride;
    }
  }
}

/** One row of bytes through a table of 256 elements for each channel; strides in bytes. */
export function emit1(
  source: usize, pixels: i32, channels: i32, table: usize, target: usize, pixelStride: usize, channelStride: usize,
): void {
  emit<u8>(source, pixels, channels, table, target, pixelStride, channelStride);
}

/** The same for elements of two bytes. */
export function emit2(
  source: usize, pixels: i32, channels: i32, table: usize, target: usize, pixelStride: usize, channelStride: usize,
): void {
  emit<u16>(source, pixels, channels, table, target, pixelStride, channelStride);
}

/** The same for elements of four bytes. */
export function emit4(
  source: usize, pixels: i32, channels: i32, table: usize, target: usize, pixelStride: usize, channelStride: usize,
): void {
  emit<u32>(source, pixels, channels, table, target, pixelStride, channelStride);
}
