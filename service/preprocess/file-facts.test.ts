import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { animatedAvif, gridAvif } from '../test/support/avif.js';
import { scanBomb } from '../test/support/scan-bomb.js';
import { readFacts } from './file-facts.js';
import type { ImageFormat } from './image.js';
import { emptyPng, encoderOf, photograph, picture, pngChunk } from './samples.test-support.js';

const SIZES = [
  [1, 1],
  [64, 48],
  [333, 77],
  [16, 700],
] as const;

describe('the size', () => {
  it.each(['jpeg', 'png', 'webp', 'avif', 'tiff'] as const)('of %s is read', async (format) => {
    for (const [width, height] of SIZES) {
      const file = await encoderOf(picture(width, height)).toFormat(format).toBuffer();
      expect(readFacts(file, format)).toMatchObject({ size: { width, height }, isComplete: true, passes: 1 });
    }
  });

  it('of lossless, transparent and animated WebP is read', async () => {
    const two = Buffer.concat([picture(30, 20).data, picture(30, 20).data]);
    const animated = sharp(two, { raw: { width: 30, height: 40, channels: 3, pageHeight: 20 } });
    const files = [
      encoderOf(picture(30, 20)).webp({ lossless: true }),
      encoderOf(picture(30, 20)).ensureAlpha(0.5).webp(),
      animated.webp(),
    ];
    for (const file of files) {
      expect(readFacts(await file.toBuffer(), 'webp').size).toEqual({ width: 30, height: 20 });
    }
  });

  it('of BigTIFF in either byte order is read, and of interlaced and grey files', async () => {
    const big = await encoderOf(picture(30, 20)).tiff({ bigtiff: true }).toBuffer();
    expect(readFacts(big, 'tiff').size).toEqual({ width: 30, height: 20 });
    expect(
      readFacts(
        tiff([
          [
            [256, 30],
            [257, 20],
          ],
        ]),
        'tiff',
      ).size,
    ).toEqual({ width: 30, height: 20 });
    const progressive = await encoderOf(picture(30, 20)).jpeg({ progressive: true }).toBuffer();
    expect(readFacts(progressive, 'jpeg').size).toEqual({ width: 30, height: 20 });
  });

  it('of a GIF is an estimate: decoders choose', async () => {
    const file = await encoderOf(picture(30, 20)).gif().toBuffer();
    expect(readFacts(file, 'gif')).toMatchObject({ size: undefined, roughPixels: 600, isComplete: true });
  });
});

/** A TIFF of directories, each of tags with a value; big endian. */
function tiff(directories: readonly (readonly (readonly [tag: number, value: number])[])[]): Buffer {
  const parts = [Buffer.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8])];
  let at = 8;
  for (const [index, tags] of directories.entries()) {
    const directory = Buffer.alloc(2 + tags.length * 12 + 4);
    directory.writeUInt16BE(tags.length, 0);
    for (const [place, [tag, value]] of tags.entries()) {
      const entry = 2 + place * 12;
      directory.writeUInt16BE(tag, entry);
      directory.writeUInt16BE(4, entry + 2);
      directory.writeUInt32BE(1, entry + 4);
      directory.writeUInt32BE(value, entry + 8);
    }
    at += directory.length;
    directory.writeUInt32BE(index === directories.length - 1 ? 0 : at, directory.length - 4);
    parts.push(directory);
  }
  return Buffer.concat([...parts, Buffer.alloc(8)]);
}

function repeatedTags(count: number): [number, number][] {
  return Array.from({ length: count }, (_, index) => [1000 + index, 1]);
}

async function webpOf(frames: number): Promise<Buffer> {
  const two = Buffer.concat([picture(16, 16).data, photograph(16, 16).data]);
  const animation = sharp(two, { raw: { width: 16, height: 32, channels: 3, pageHeight: 16 } });
  const file = await animation.webp({ lossless: true }).toBuffer();
  const first = file.indexOf('ANMF');
  const frame = file.subarray(first, first + 8 + file.readUInt32LE(first + 4));
  const many = Buffer.concat([file.subarray(0, first), ...Array<Buffer>(frames).fill(frame)]);
  many.writeUInt32LE(many.length - 8, 4);
  return many;
}

async function gifOf(frames: number): Promise<Buffer> {
  const file = await encoderOf(picture(8, 8)).gif().toBuffer();
  const first = file.indexOf(Buffer.from([0x2c, 0, 0, 0, 0]));
  const frame = file.subarray(first, -1);
  return Buffer.concat([file.subarray(0, first), ...Array<Buffer>(frames).fill(frame), file.subarray(-1)]);
}

describe('what is multiplied beyond any honest file', () => {
  const excess = (file: Uint8Array, format: ImageFormat): string | undefined =>
    readFacts(file, format).excess;

  it('is found: scans of a JPEG, fewer of a large one', () => {
    const of = (side: number, scans: number) =>
      excess(scanBomb({ width: side, height: side, scans }), 'jpeg');
    expect(of(64, 100)).toBeUndefined();
    expect(of(64, 101)).toMatch(/100 scans/);
    expect(of(64, 3000)).toBeDefined();
    expect(of(5000, 32)).toBeUndefined();
    expect(of(5000, 41)).toBeDefined();
    expect(of(16_000, 32)).toBeUndefined();
    expect(of(16_000, 33)).toBeDefined();
  });

  it('is found: scans without data, and of damaged files', () => {
    const bomb = scanBomb({ width: 64, height: 64, scans: 2 });
    const scan = bomb.subarray(bomb.lastIndexOf(Buffer.from([0xff, 0xda])), -2);
    const empty = scan.subarray(0, 10);
    for (const each of [empty, Buffer.concat([empty, Buffer.from([0xff, 0xff, 0xff])]), scan]) {
      const many = Buffer.concat([bomb.subarray(0, -2), ...Array<Buffer>(101).fill(each)]);
      expect(excess(many, 'jpeg')).toBeDefined();
    }
  });

  it('is not what an honest JPEG has: the scans of its preview, and of an optimiser', async () => {
    const honest = await encoderOf(photograph(300, 200))
      .jpeg({ progressive: true, mozjpeg: true })
      .toBuffer();
    const { scans = 0, isComplete } = readFacts(honest, 'jpeg') as { scans?: number; isComplete: boolean };
    expect([scans >= 2 && scans <= 20, isComplete]).toEqual([true, true]);
    const preview = Buffer.concat([
      Buffer.from([0xff, 0xe1, 0x1f, 0x42]),
      Buffer.alloc(8000, Buffer.from([0xff, 0xda])),
    ]);
    const withPreview = Buffer.concat([honest.subarray(0, 2), preview, honest.subarray(2)]);
    expect(readFacts(withPreview, 'jpeg')).toMatchObject({ scans, isComplete: true });
  });

  it('is found: frames of WebP and GIF', async () => {
    expect(excess(await webpOf(5000), 'webp')).toBeUndefined();
    expect(excess(await webpOf(5001), 'webp')).toMatch(/5000 frames/);
    expect(excess(await gifOf(10_000), 'gif')).toBeUndefined();
    expect(excess(await gifOf(10_001), 'gif')).toMatch(/10000 frames/);
  });

  it('is found: directories, entries and tags of a TIFF', () => {
    const plain: [number, number][] = [
      [256, 8],
      [257, 8],
    ];
    const pages = (count: number): Buffer => tiff(Array(count).fill(plain));
    expect(excess(pages(1000), 'tiff')).toBeUndefined();
    expect(excess(pages(1001), 'tiff')).toMatch(/1000 directories/);
    expect(excess(tiff([repeatedTags(400)]), 'tiff')).toBeUndefined();
    expect(excess(tiff([repeatedTags(401)]), 'tiff')).toMatch(/400 kinds of tags/);
    expect(excess(tiff(Array(60).fill(repeatedTags(350))), 'tiff')).toMatch(/20000 entries/);
    const circle = pages(2);
    circle.writeUInt32BE(8, circle.length - 12);
    expect(excess(circle, 'tiff')).toBeDefined();
  });

  it('is found: chunks of a PNG', () => {
    const many = Array<Buffer>(100_001).fill(pngChunk('IDAT', Buffer.alloc(0)));
    expect(excess(emptyPng(8, 8, 1, many), 'png')).toMatch(/100000 chunks/);
  });

  it('is found: parts of an AVIF', async () => {
    expect(
      excess(await gridAvif({ tile: 64, rows: 2, columns: 2, width: 128, height: 128 }), 'avif'),
    ).toBeUndefined();
    expect(
      excess(await gridAvif({ tile: 64, rows: 4, columns: 4, width: 230, height: 200 }), 'avif'),
    ).toBeUndefined();
    expect(
      excess(await gridAvif({ tile: 64, rows: 16, columns: 16, width: 64, height: 64 }), 'avif'),
    ).toMatch(/parts/);
    expect(excess(await animatedAvif(), 'avif')).toBeUndefined();
    const nested = Buffer.concat(
      Array.from({ length: 50_000 }, (_, depth) => boxHead('meta', (50_000 - depth) * 8)),
    );
    expect(readFacts(nested, 'avif').isComplete).toBe(true);
    const flat = Buffer.concat(Array<Buffer>(10_001).fill(boxHead('free', 8)));
    expect(excess(flat, 'avif')).toMatch(/10000 boxes/);
  });

  function boxHead(type: string, length: number): Buffer {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(length, 0);
    head.write(type, 4, 'latin1');
    return head;
  }
});

describe('any bytes', () => {
  it('are looked through without an exception, and for no more than the steps that are allowed', async () => {
    const formats = ['jpeg', 'png', 'webp', 'avif', 'tiff', 'gif'] as const;
    const files = await Promise.all(
      formats.map(async (format) => ({
        format,
        file: await encoderOf(photograph(40, 30)).toFormat(format).toBuffer(),
      })),
    );
    const bite = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(bite, { maxLength: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 50 }),
        ({ format, file }, bites, keep, steps) => {
          const bytes = Buffer.from(file.subarray(0, Math.ceil(file.length * keep)));
          for (const [where, value] of bites) bytes[Math.trunc(where * (bytes.length - 1))] = value;
          readFacts(bytes, format);
          readFacts(bytes, format, steps);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('of 10 MB that are nothing but markers are left to the decode process', () => {
    for (const filling of [[0xff], [0xff, 0], [0xff, 0xd0], [0xff, 0xfe, 0, 2]]) {
      const file = Buffer.alloc(10_000_000, Buffer.from(filling));
      file.set([0xff, 0xd8, 0xff]);
      expect(readFacts(file, 'jpeg', 30_000).isComplete).toBe(false);
    }
    const gif = Buffer.concat([
      Buffer.from('GIF89a\0\0\0\0\0\0\0!\xfe', 'latin1'),
      Buffer.alloc(10_000_000, 1),
    ]);
    expect(readFacts(gif, 'gif', 30_000).isComplete).toBe(false);
  });
});
