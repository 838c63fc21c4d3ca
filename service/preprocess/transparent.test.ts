import sharp, { type Sharp } from 'sharp';
import { expect, it } from 'vitest';
import { specOf, testDecoder } from './decoder.test-support.js';
import { IMAGE_FORMATS } from './image.js';
import { emptyPng, pngChunk } from './samples.test-support.js';

const decoder = testDecoder({
  formats: new Set(IMAGE_FORMATS),
  maxPixels: 25_000_000,
  spec: specOf('bilinear'),
  concurrency: 1,
  fastDecoders: 'off',
});

/** Below, at and above the size from which images are reduced while they are decoded. */
const SIDES = [20, 1999, 2001, 2600] as const;
const [RED, GREEN, BLUE] = [200, 150, 100];

/** Wholly transparent, of one colour. */
function transparent(side: number): Sharp {
  const background = { r: RED, g: GREEN, b: BLUE, alpha: 0 };
  return sharp({ create: { width: side, height: side, channels: 4, background } });
}

/** The colours at the corners and in the middle. */
async function colours(file: Uint8Array): Promise<number[][]> {
  const { pixels } = await decoder.decode(file);
  const bytes = new Uint8Array(pixels.data, 0, pixels.width * pixels.height * 3);
  const count = pixels.width * pixels.height;
  return [0, Math.trunc(count / 2), count - 1].map((pixel) => [...bytes.subarray(pixel * 3, pixel * 3 + 3)]);
}

/** The same bytes again and again, without the memory of them all. */
function filled(side: number, value: readonly number[]): Buffer {
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(side * value.length, Buffer.from(value))]);
  return Buffer.concat(Array<Buffer>(side).fill(row));
}

const ALL = [
  [RED, GREEN, BLUE],
  [RED, GREEN, BLUE],
  [RED, GREEN, BLUE],
];

it.each(SIDES)(
  'the colours under alpha are kept, %i pixels on a side',
  async (side) => {
    expect(await colours(await transparent(side).png({ compressionLevel: 1 }).toBuffer())).toEqual(ALL);
    expect(await colours(await transparent(side).tiff({ compression: 'lzw' }).toBuffer())).toEqual(ALL);
    const webp = transparent(side).webp({ lossless: true, exact: true, effort: 0 });
    expect(await colours(await webp.toBuffer())).toEqual(ALL);
  },
  60_000,
);

it.each(SIDES)(
  'also of 16 bits, of grey and of palettes, %i pixels on a side',
  async (side) => {
    const png = (bits: number, kind: number, pixel: number[], extra: Buffer[] = []): Buffer =>
      emptyPng(side, side, bits, extra, { kind, rows: filled(side, pixel) });
    expect(await colours(png(16, 6, [RED, 9, GREEN, 9, BLUE, 9, 0, 0]))).toEqual(ALL);
    const grey = Array(3).fill([RED, RED, RED]);
    expect(await colours(png(8, 4, [RED, 0]))).toEqual(grey);
    expect(await colours(png(16, 4, [RED, 77, 0, 0]))).toEqual(grey);
    const palette = pngChunk('PLTE', Buffer.from([1, 2, 3, RED, GREEN, BLUE]));
    const seeThrough = pngChunk('tRNS', Buffer.from([255, 0]));
    expect(await colours(png(8, 3, [1], [palette, seeThrough]))).toEqual(ALL);
    const key = pngChunk('tRNS', Buffer.from([0, RED, 0, GREEN, 0, BLUE]));
    expect(await colours(png(8, 2, [RED, GREEN, BLUE], [key]))).toEqual(ALL);
  },
  60_000,
);

it.each([20, 2001])(
  'also of AVIF, within what it loses, %i pixels on a side',
  async (side) => {
    const background = { r: RED, g: GREEN, b: BLUE, alpha: 0.2 };
    const avif = sharp({ create: { width: side, height: side, channels: 4, background } }).avif({
      effort: 0,
      quality: 90,
    });
    for (const colour of await colours(await avif.toBuffer())) {
      const apart = colour.map((level, channel) => Math.abs(level - (ALL[0]?.[channel] ?? 0)));
      expect(Math.max(...apart)).toBeLessThanOrEqual(4);
    }
  },
  60_000,
);
