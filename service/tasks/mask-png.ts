import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const GREY = 0;
/** Masks are flat: a higher level takes three times as long for a tenth less. */
const LEVEL = 3;

/**
 * A grey PNG of 8 bits (W3C PNG, third edition): what is in it is the index of a class, not a colour.
 * @param pixels one byte each, row by row
 */
export function encodeGreyPng(pixels: Uint8Array, width: number, height: number): Buffer {
  return encodeRows(width, height, 8, (row, line) => {
    line.set(pixels.subarray(row * width, (row + 1) * width));
  });
}

/**
 * A PNG of black and white: one bit a pixel.
 * @param pixels 0 or 1, row by row
 */
export function encodeBitPng(pixels: Uint8Array, width: number, height: number): Buffer {
  return encodeRows(width, height, 1, (row, line) => {
    const from = row * width;
    for (let x = 0; x < width; x++) {
      if (pixels[from + x] === 1) line[x >> 3] = (line[x >> 3] as number) | (0x80 >> (x & 7));
    }
  });
}

/** @param fill writes the pixels of a row, packed */
function encodeRows(
  width: number,
  height: number,
  bits: 1 | 8,
  fill: (row: number, line: Uint8Array) => void,
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, GREY, 0, 0, 0], 8);
  // Each row begins with its filter: 0, none.
  const length = 1 + Math.ceil((width * bits) / 8);
  const rows = Buffer.alloc(length * height);
  for (let row = 0; row < height; row++) fill(row, rows.subarray(row * length + 1, (row + 1) * length));
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: LEVEL })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  checksum.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, checksum]);
}
