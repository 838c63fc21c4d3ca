import type { FileFacts } from './facts.js';

/** libwebp looks for each frame from the first on: 10,000 cost 0.3 s, 100,000 half a minute. */
const MAX_FRAMES = 5000;
/** All other chunks are passed over. */
const MAX_CHUNKS = 100_000;
const HEAD_BYTES = 12;
/** Of a frame, as a number: a file can have 100,000 chunks. */
const ANMF = 0x41_4e_4d_46;

/** Reads the size of the canvas, and counts the frames. */
export function readWebpFacts(bytes: Uint8Array, maxSteps: number): FileFacts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = sizeOf(view);
  let frames = 0;
  let chunks = 0;
  for (let at = HEAD_BYTES; at + 8 <= view.byteLength; chunks++) {
    if (view.getUint32(at) === ANMF) frames += 1;
    if (frames > MAX_FRAMES) return { size, excess: `more than ${MAX_FRAMES} frames`, isComplete: true };
    if (chunks >= MAX_CHUNKS) return { size, excess: `more than ${MAX_CHUNKS} chunks`, isComplete: true };
    if (chunks >= maxSteps) return { size, isComplete: false };
    const length = view.getUint32(at + 4, true);
    at += 8 + length + (length & 1);
  }
  return { size, isComplete: true };
}

/** The letters of a chunk's type. */
export function typeAt(view: DataView, at: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(at + index)));
}

/** Pixels of the image or canvas that a chunk of this type describes; undefined where it does not. Source: RFC 9649, 2. */
export function sizeIn(type: string, body: DataView): FileFacts['size'] {
  if (type === 'VP8X' && body.byteLength >= 10) {
    return { width: 1 + uint24(body, 4), height: 1 + uint24(body, 7) };
  }
  if (type === 'VP8 ' && body.byteLength >= 10) {
    return { width: body.getUint16(6, true) & 0x3fff, height: body.getUint16(8, true) & 0x3fff };
  }
  if (type !== 'VP8L' || body.byteLength < 5) return undefined;
  const bits = body.getUint32(1, true);
  return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
}

function sizeOf(view: DataView): FileFacts['size'] {
  if (view.byteLength < 30) return undefined;
  return sizeIn(typeAt(view, HEAD_BYTES), new DataView(view.buffer, view.byteOffset + HEAD_BYTES + 8, 10));
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}
