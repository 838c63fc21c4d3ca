import { deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import type { Pixels } from './image.js';

/** Images made up for the tests: no file, nobody's photograph. */
export interface Sample {
  readonly width: number;
  readonly height: number;
  /** RGB, interleaved. */
  readonly data: Uint8Array;
}

/** A smooth picture with an edge, so that JPEG keeps it closely and every corner is different. */
export function picture(width: number, height: number): Sample {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const across = width === 1 ? 0 : x / (width - 1);
      const down = height === 1 ? 0 : y / (height - 1);
      const edge = across > 0.3 && across < 0.6 && down > 0.2 && down < 0.5 ? 70 : 0;
      data.set(
        [20 + across * 150 + edge, 30 + down * 150 + edge, 40 + (across + down) * 80],
        (y * width + x) * 3,
      );
    }
  }
  return { width, height, data };
}

/** The picture with texture like a photograph's: waves down to a few pixels. */
export function photograph(width: number, height: number): Sample {
  const sample = picture(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const wave =
        22 * Math.sin(x / 9 + y / 31) + 12 * Math.sin(x / 3.7 - y / 5.3) + 6 * Math.sin(x * 1.3 + y * 0.9);
      for (let c = 0; c < 3; c++) {
        const at = (y * width + x) * 3 + c;
        sample.data[at] = Math.min(255, Math.max(0, (sample.data[at] ?? 0) + wave + 10));
      }
    }
  }
  return sample;
}

/** The sample as input of sharp, to be encoded. */
export function encoderOf({ width, height, data }: Sample): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** The sample's pixels, moved so that a viewer who applies EXIF `orientation` sees the sample again. */
export function storedFor(orientation: number, sample: Sample): Sample {
  const isOnSide = orientation >= 5;
  const [width, height] = isOnSide ? [sample.height, sample.width] : [sample.width, sample.height];
  const data = new Uint8Array(sample.data.length);
  for (let y = 0; y < sample.height; y++) {
    for (let x = 0; x < sample.width; x++) {
      const [toX, toY] = storedAt(orientation, x, y, sample.width - 1, sample.height - 1);
      const from = (y * sample.width + x) * 3;
      data.set(sample.data.subarray(from, from + 3), (toY * width + toX) * 3);
    }
  }
  return { width, height, data };
}

function storedAt(
  orientation: number,
  x: number,
  y: number,
  right: number,
  bottom: number,
): [number, number] {
  const places: readonly [number, number][] = [
    [x, y],
    [right - x, y],
    [right - x, bottom - y],
    [x, bottom - y],
    [y, x],
    [y, right - x],
    [bottom - y, right - x],
    [bottom - y, x],
  ];
  return places[orientation - 1] ?? [x, y];
}

export interface Difference {
  readonly mean: number;
  readonly p99: number;
  readonly max: number;
}

/** The bytes that are pixels: a buffer may be longer. */
export function bytesOf(pixels: Pixels): Uint8Array {
  return new Uint8Array(pixels.data, 0, pixels.width * pixels.height * 3);
}

/** How far two images of the same size lie apart, in levels. */
export function difference(a: ArrayBuffer | Uint8Array, b: ArrayBuffer | Uint8Array): Difference {
  const left = new Uint8Array(a);
  const right = new Uint8Array(b);
  if (left.length !== right.length) throw new Error(`${left.length} bytes against ${right.length}`);
  const counts = new Array<number>(256).fill(0);
  for (const [index, level] of left.entries()) {
    const distance = Math.abs(level - (right[index] ?? 0));
    counts[distance] = (counts[distance] ?? 0) + 1;
  }
  const sum = counts.reduce((total, count, distance) => total + count * distance, 0);
  let rest = left.length * 0.99;
  const p99 = counts.findIndex((count) => {
    rest -= count;
    return rest <= 0;
  });
  return { mean: sum / left.length, p99, max: counts.findLastIndex((count) => count > 0) };
}

/** A PNG of zeros, grey, of any size, without the memory that its pixels would take; or of other rows, of a kind. */
export function emptyPng(
  width: number,
  height: number,
  bitDepth: number,
  extra: Buffer[] = [],
  content: { readonly kind: number; readonly rows: Buffer } | undefined = undefined,
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bitDepth, content?.kind ?? 0, 0, 0, 0], 8);
  const rowBytes = Math.ceil((width * bitDepth) / 8) + 1;
  const rows = deflateSync(content?.rows ?? Buffer.alloc(rowBytes * height), { level: content ? 1 : 9 });
  const chunks = [
    pngChunk('IHDR', header),
    ...extra,
    pngChunk('IDAT', rows),
    pngChunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...chunks]);
}

export function pngChunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body]);
  const chunk = Buffer.alloc(typed.length + 8);
  chunk.writeUInt32BE(body.length, 0);
  typed.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(typed), typed.length + 4);
  return chunk;
}

function crc32(bytes: Buffer): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
