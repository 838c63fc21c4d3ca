import { inflateSync } from 'node:zlib';
import type { Stencil } from './canvas.js';

const FIRST_CHUNK_AT = 8;
const CHUNK_HEAD_BYTES = 8;
const CHUNK_TAIL_BYTES = 4;
const MAX_SIDE = 8192;

/**
 * Pixels of a grey PNG of 8 bits, each row without a filter (W3C PNG, third edition): what the tasks make, and nothing
 * else, so that no library has to be trusted with it. Throws where it is something else.
 * @param base64 the file
 */
export function readGreyPng(base64: string): Stencil {
  const file = Buffer.from(base64, 'base64');
  const compressed: Buffer[] = [];
  let size: { readonly width: number; readonly height: number } | undefined;
  for (let at = FIRST_CHUNK_AT; at + CHUNK_HEAD_BYTES <= file.length; ) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + CHUNK_HEAD_BYTES);
    const data = file.subarray(at + CHUNK_HEAD_BYTES, at + CHUNK_HEAD_BYTES + length);
    if (type === 'IHDR') size = sizeOf(data);
    if (type === 'IDAT') compressed.push(data);
    at += CHUNK_HEAD_BYTES + length + CHUNK_TAIL_BYTES;
  }
  if (size === undefined) throw new Error('a mask is no PNG');
  return withoutFilters(Buffer.concat(compressed), size.width, size.height);
}

function sizeOf(header: Buffer): { width: number; height: number } {
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, colour, , , interlace] = header.subarray(8);
  if (depth !== 8 || colour !== 0 || interlace !== 0) throw new Error('a mask is no grey PNG of 8 bits');
  if (Math.min(width, height) < 1 || Math.max(width, height) > MAX_SIDE)
    throw new Error(`a mask has ${width} x ${height} pixels`);
  return { width, height };
}

function withoutFilters(compressed: Buffer, width: number, height: number): Stencil {
  const rowBytes = width + 1;
  const rows = inflateSync(compressed, { maxOutputLength: rowBytes * height });
  if (rows.length !== rowBytes * height) throw new Error('a mask ends early');
  const data = new Uint8Array(width * height);
  for (let row = 0; row < height; row++) {
    const at = row * rowBytes;
    if (rows[at] !== 0) throw new Error('a mask has rows with filters');
    data.set(rows.subarray(at + 1, at + rowBytes), row * width);
  }
  return { data, width, height };
}
