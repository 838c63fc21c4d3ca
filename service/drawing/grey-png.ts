import { inflateSync } from 'node:zlib';
import type { Stencil } from './canvas.js';

const FIRST_CHUNK_AT = 8;
const CHUNK_HEAD_BYTES = 8;
const CHUNK_TAIL_BYTES = 4;
const MAX_SIDE = 8192;

interface Header {
  readonly width: number;
  readonly height: number;
  /** Of a pixel. */
  readonly bits: 1 | 8;
}

/**
 * Pixels of a grey PNG of 8 bits, or of black and white (0 and 1), each row without a filter (W3C PNG, third edition): what
 * the tasks make, and nothing else, so that no library has to be trusted with it. Throws where it is something else.
 * @param base64 the file
 */
export function readGreyPng(base64: string): Stencil {
  const file = Buffer.from(base64, 'base64');
  const compressed: Buffer[] = [];
  let header: Header | undefined;
  for (let at = FIRST_CHUNK_AT; at + CHUNK_HEAD_BYTES <= file.length; ) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + CHUNK_HEAD_BYTES);
    const data = file.subarray(at + CHUNK_HEAD_BYTES, at + CHUNK_HEAD_BYTES + length);
    if (type === 'IHDR') header = headerOf(data);
    if (type === 'IDAT') compressed.push(data);
    at += CHUNK_HEAD_BYTES + length + CHUNK_TAIL_BYTES;
  }
  if (header === undefined) throw new Error('a mask is no PNG');
  return unpacked(Buffer.concat(compressed), header);
}

function headerOf(data: Buffer): Header {
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
  const [bits, colour, , , interlace] = data.subarray(8);
  if ((bits !== 1 && bits !== 8) || colour !== 0 || interlace !== 0)
    throw new Error('a mask is no grey PNG of 1 or 8 bits');
  if (Math.min(width, height) < 1 || Math.max(width, height) > MAX_SIDE)
    throw new Error(`a mask has ${width} x ${height} pixels`);
  return { width, height, bits };
}

function unpacked(compressed: Buffer, { width, height, bits }: Header): Stencil {
  const rowBytes = 1 + Math.ceil((width * bits) / 8);
  const rows = inflateSync(compressed, { maxOutputLength: rowBytes * height });
  if (rows.length !== rowBytes * height) throw new Error('a mask ends early');
  const data = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    if (rows[row * rowBytes] !== 0) throw new Error('a mask has rows with filters');
    const line = rows.subarray(row * rowBytes + 1, (row + 1) * rowBytes);
    const target = data.subarray(row * width, (row + 1) * width);
    if (bits === 8) target.set(line);
    else unpackBits(line, target);
  }
  return { data, width, height };
}

/** The first pixel is the highest bit. */
function unpackBits(line: Uint8Array, target: Uint8Array): void {
  for (let x = 0; x < target.length; x++) target[x] = ((line[x >> 3] as number) >> (7 - (x & 7))) & 1;
}
