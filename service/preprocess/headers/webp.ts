import type { FileFacts } from './facts.js';

/** libwebp looks for each frame from the first on: 10,000 cost 0.3 s, 100,000 half a minute. */
const MAX_FRAMES = 5000;
/** All other chunks are passed over. */
const MAX_CHUNKS = 100_000;
const HEAD_BYTES = 12;

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

/** The letters of a type, as a number. */
function typeOf(name: string): number {
  return Buffer.from(name, 'latin1').readUInt32BE(0);
}

const [ANMF, EXTENDED, LOSSY, LOSSLESS] = ['ANMF', 'VP8X', 'VP8 ', 'VP8L'].map(typeOf);

function sizeOf(view: DataView): FileFacts['size'] {
  if (view.byteLength < 30) return undefined;
  const type = view.getUint32(HEAD_BYTES);
  if (type === EXTENDED) return { width: 1 + uint24(view, 24), height: 1 + uint24(view, 27) };
  if (type === LOSSY) {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  if (type !== LOSSLESS) return undefined;
  const bits = view.getUint32(21, true);
  return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
}
