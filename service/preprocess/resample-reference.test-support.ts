import { type Placement, placement } from './geometry.js';
import type { InputSpec, Pixels } from './image.js';

/** The resampler once more, as plainly as it can be said: slow, whole images, no tables. For tests only. */
type Filter = InputSpec['resize']['filter'];

/** Bytes, `channels` interleaved. */
export interface Raster {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** The image of the golden vectors (service/test/parity/pictures.py). */
export function goldenImage(width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const noise = ((x * 2654435761 + y * 40503 + c * 9176 + x * y * 31) % 65521) % 256;
        const ramp = Math.trunc((x * 5 + y * 3 + c * 80) / 4) % 256;
        const isNoise = (Math.trunc(x / 8) + Math.trunc(y / 8)) % 2 === 0;
        data[(y * width + x) * 3 + c] = isNoise ? noise : ramp;
      }
    }
  }
  return { data: data.buffer, width, height };
}

/** Resizes, crops and pads to bytes, height x width x channels in the order of the tensor: not yet normalised. */
export function referenceLevels(spec: InputSpec, pixels: Pixels): Uint8Array {
  const at = placement(spec, pixels.width, pixels.height);
  const colours = {
    data: new Uint8Array(pixels.data),
    width: pixels.width,
    height: pixels.height,
    channels: 3,
  };
  const source = spec.channels === 'grey' ? greyOf(colours) : colours;
  const { filter } = spec.resize;
  if (filter === 'opencv-linear') return place(spec, linear(source, at), at);
  const across = resizeWidth(source, at.resizedWidth, filter);
  return place(spec, transpose(resizeWidth(transpose(across), at.resizedHeight, filter)), at);
}

/** The element of a tensor that a level becomes, in exact arithmetic. */
export function referenceElement(spec: InputSpec, channel: number, level: number): number {
  return (level * spec.scale - (spec.mean[channel] ?? 0)) / (spec.std[channel] ?? 1);
}

function greyOf({ data, width, height }: Raster): Raster {
  const grey = Uint8Array.from({ length: width * height }, (_, index) => {
    const [red = 0, green = 0, blue = 0] = data.subarray(index * 3, index * 3 + 3);
    return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
  });
  return { data: grey, width, height, channels: 1 };
}

function make(
  width: number,
  height: number,
  channels: number,
  level: (x: number, y: number, c: number) => number,
): Raster {
  const data = new Uint8Array(width * height * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) data[at++] = level(x, y, c);
    }
  }
  return { data, width, height, channels };
}

function levelOf({ data, width, channels }: Raster, x: number, y: number, c: number): number {
  return data[(y * width + x) * channels + c] ?? 0;
}

function transpose(raster: Raster): Raster {
  return make(raster.height, raster.width, raster.channels, (x, y, c) => levelOf(raster, y, x, c));
}

function resizeWidth(raster: Raster, width: number, filter: Exclude<Filter, 'opencv-linear'>): Raster {
  if (filter === 'nearest') {
    const step = raster.width / width;
    let position = step / 2;
    const columns = Array.from({ length: width }, () => {
      const column = Math.trunc(position);
      position += step;
      return column;
    });
    return make(width, raster.height, raster.channels, (x, y, c) => levelOf(raster, columns[x] ?? 0, y, c));
  }
  const windows = Array.from({ length: width }, (_, x) => windowOf(filter, raster.width, width, x));
  return make(width, raster.height, raster.channels, (x, y, c) => {
    const { first, taps } = windows[x] ?? { first: 0, taps: [] };
    let sum = 1 << 21;
    for (const [tap, weight] of taps.entries()) {
      sum = (sum + Math.imul(weight, levelOf(raster, first + tap, y, c))) | 0;
    }
    return clamp(sum >> 22);
  });
}

function windowOf(filter: Exclude<Filter, 'opencv-linear' | 'nearest'>, from: number, to: number, x: number) {
  const [support, weight] = KERNELS[filter];
  const shrink = Math.max(1, from / to);
  const center = (x + 0.5) * (from / to);
  const first = Math.max(0, Math.trunc(center - support * shrink + 0.5));
  const end = Math.min(from, Math.trunc(center + support * shrink + 0.5));
  const weights = Array.from({ length: end - first }, (_, tap) =>
    weight((tap + first - center + 0.5) * (1 / shrink)),
  );
  const total = weights.reduce((sum, each) => sum + each, 0);
  const taps = weights.map((each) => Math.trunc((each / total) * 2 ** 22 + (each < 0 ? -0.5 : 0.5)));
  return { first, taps };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

const KERNELS = {
  box: [0.5, (x: number) => (x > -0.5 && x <= 0.5 ? 1 : 0)],
  bilinear: [1, (x: number) => (Math.abs(x) < 1 ? 1 - Math.abs(x) : 0)],
  hamming: [
    1,
    (x: number) =>
      Math.abs(x) >= 1 ? 0 : sinc(x) * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(Math.PI * x)),
  ],
  bicubic: [
    2,
    (signed: number) => {
      const x = Math.abs(signed);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
    },
  ],
  lanczos: [3, (x: number) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0)],
} as const satisfies Record<string, readonly [number, (x: number) => number]>;

function clamp(level: number): number {
  return Math.min(255, Math.max(0, level));
}

/** cv2.INTER_LINEAR of bytes: 11-bit weights, the lower bits dropped between the passes as OpenCV drops them. */
function linear(raster: Raster, at: Placement): Raster {
  const { width, height, channels } = raster;
  const xs = Array.from({ length: at.resizedWidth }, (_, x) => linearTap(x, width, at.resizedWidth));
  const ys = Array.from({ length: at.resizedHeight }, (_, y) => linearTap(y, height, at.resizedHeight));
  const across = (row: number, x: number, c: number): number => {
    const { floor, near, far } = xs[x] ?? { floor: 0, near: 0, far: 0 };
    const y = Math.min(height - 1, Math.max(0, row));
    if (floor < 0) return (levelOf(raster, 0, y, c) * 2048) >> 4;
    if (floor >= width - 1) return (levelOf(raster, width - 1, y, c) * 2048) >> 4;
    return (levelOf(raster, floor, y, c) * near + levelOf(raster, floor + 1, y, c) * far) >> 4;
  };
  return make(at.resizedWidth, at.resizedHeight, channels, (x, y, c) => {
    const { floor, near, far } = ys[y] ?? { floor: 0, near: 0, far: 0 };
    const sum = ((across(floor, x, c) * near) >> 16) + ((across(floor + 1, x, c) * far) >> 16);
    return clamp((sum + 2) >> 2);
  });
}

function linearTap(index: number, from: number, to: number): { floor: number; near: number; far: number } {
  const position = Math.fround((index + 0.5) * (1 / (to / from)) - 0.5);
  const floor = Math.floor(position);
  const fraction = Math.fround(position - floor);
  return { floor, near: halfEven(Math.fround(1 - fraction) * 2048), far: halfEven(fraction * 2048) };
}

function halfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

function place(spec: InputSpec, resized: Raster, at: Placement): Uint8Array {
  const pads = spec.resize.rule === 'letterbox' ? spec.resize.padValue : [0, 0, 0];
  const { data } = make(spec.width, spec.height, resized.channels, (x, y, channel) => {
    const inX = x - at.drawX;
    const inY = y - at.drawY;
    const isInside = inX >= 0 && inY >= 0 && inX < at.drawWidth && inY < at.drawHeight;
    const c = spec.channels === 'bgr' ? 2 - channel : channel;
    return isInside ? levelOf(resized, inX + at.cropX, inY + at.cropY, c) : (pads[channel] ?? 0);
  });
  return data;
}
