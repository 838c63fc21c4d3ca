import { expect, it } from 'vitest';
import { PixelSampler, type PixelStatistics } from './pixel-sampler.js';

/** @param address where the first row lies in the bytes */
function take(rows: readonly (readonly number[])[], channels = 1, address = 0): PixelStatistics {
  const sampler = new PixelSampler();
  return takeBy(sampler, rows, channels, address);
}

function takeBy(
  sampler: PixelSampler,
  rows: readonly (readonly number[])[],
  channels = 1,
  address = 0,
): PixelStatistics {
  const width = (rows[0]?.length ?? 0) / channels;
  sampler.begin(width, rows.length, channels);
  const bytes = Uint8Array.from([...new Array<number>(address).fill(99), ...rows.flat()]);
  for (const [index, row] of rows.entries()) sampler.row(bytes, address + index * row.length, index);
  return sampler.result();
}

function image(size: number, level: (x: number, y: number) => number): number[][] {
  return Array.from({ length: size }, (_, y) => Array.from({ length: size }, (_, x) => level(x, y)));
}

it('brightness is the mean of the levels, contrast their standard deviation, of white', () => {
  const { brightness, contrast } = take([
    [0, 255],
    [255, 0],
  ]);
  expect(brightness).toBeCloseTo(0.5, 12);
  expect(contrast).toBeCloseTo(0.5, 12);
});

it('sharpness is the standard deviation of the Laplacian of all pixels that have four neighbours', () => {
  const rows = [
    [10, 20, 30, 40],
    [50, 90, 70, 80],
    [15, 25, 35, 45],
    [55, 65, 75, 95],
  ];
  // 4 * 90 - 20 - 50 - 70 - 25 = 195 and so on, by hand
  const laplacians = [195, 45, -105, -75];
  const mean = laplacians.reduce((sum, each) => sum + each, 0) / 4;
  const variance = laplacians.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 4;
  expect(take(rows).sharpness).toBeCloseTo(Math.sqrt(variance) / 255, 12);
});

it('sharpness falls when an image is blurred, and is 0 of a ramp and of less than three rows', () => {
  const sharp = image(32, (x) => (x % 8 < 4 ? 20 : 220));
  const soft = image(32, (x) => Math.round(120 + 100 * Math.sin((x * Math.PI) / 4)));
  expect(take(soft).sharpness).toBeLessThan(take(sharp).sharpness / 2);
  expect(take(image(32, (x, y) => 3 * x + 2 * y)).sharpness).toBe(0);
  expect(take([[1, 2, 250, 4]]).sharpness).toBe(0);
});

it('colourfulness is that of Hasler and Suesstrunk, of white, and absent without colour', () => {
  const rows = [[255, 0, 0, 0, 0, 255]];
  // red: rg 255, yb 127.5; blue: rg 0, yb -255
  const spread = Math.hypot(127.5, 191.25);
  const mean = Math.hypot(127.5, -63.75);
  expect(take(rows, 3).colourfulness).toBeCloseTo((spread + 0.3 * mean) / 255, 12);
  expect(take([[7, 7, 7, 90, 90, 90]], 3).colourfulness).toBe(0);
  expect(take([[7, 90]])).not.toHaveProperty('colourfulness');
});

it('grey of colour is that of Pillow', () => {
  const grey = (19_595 * 200 + 38_470 * 100 + 7471 * 50 + 32_768) >> 16;
  expect(take([[200, 100, 50]], 3).brightness).toBeCloseTo(grey / 255, 12);
});

it('an image of one level has its brightness, no contrast, no sharpness, wherever it lies in memory', () => {
  for (const size of [1, 2, 3, 50, 224, 300]) {
    const rows = image(size, () => 51);
    expect(take(rows, 1, 64)).toEqual({ brightness: 0.2, contrast: 0, sharpness: 0 });
  }
});

it('large images are sampled evenly: the same picture in four times the size says the same', () => {
  const small = image(40, (x, y) => (x * y) % 251);
  const large = image(160, (x, y) => ((x >> 2) * (y >> 2)) % 251);
  expect(take(large).brightness).toBeCloseTo(take(small).brightness, 12);
  expect(take(large).contrast).toBeCloseTo(take(small).contrast, 12);
});

it('no more than about 2,048 pixels are looked at, with their four neighbours', () => {
  let reads = 0;
  const size = 1000;
  const bytes = new Proxy(new Uint8Array(size), {
    get: (target, key) => {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads += 1;
      return Reflect.get(target, key);
    },
  });
  const sampler = new PixelSampler();
  sampler.begin(size, size, 1);
  for (let row = 0; row < size; row++) sampler.row(bytes, 0, row);
  expect(reads).toBeLessThan(5 * 2100);
});

it('nothing of an image is left in the next one', () => {
  const sampler = new PixelSampler();
  const first = image(40, (x, y) => (x * 37 + y * 91) % 256);
  const second = image(20, (x, y) => (x * 11 + y * 7) % 256);
  takeBy(sampler, first);
  expect(takeBy(sampler, second)).toEqual(take(second));
});
