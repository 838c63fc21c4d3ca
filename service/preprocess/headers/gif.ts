import type { FileFacts } from './facts.js';

/** Only the first frame is decoded, but all are looked for. A film of 16 minutes has these. */
const MAX_FRAMES = 10_000;
const [IMAGE, EXTENSION] = [0x2c, 0x21];
const [IMAGE_BYTES, EXTENSION_BYTES] = [9, 1];

/** Counts the frames. Decoders pass over the size of the screen where they find it odd. */
export function readGifFacts(bytes: Uint8Array, maxSteps: number): FileFacts {
  if (bytes.length < 13) return { size: undefined, isComplete: true };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rough = { size: undefined, roughPixels: view.getUint16(6, true) * view.getUint16(8, true) };
  const steps = { left: maxSteps };
  let frames = 0;
  let at = 13 + tableBytes(bytes[10] ?? 0);
  while (bytes[at] === IMAGE || bytes[at] === EXTENSION) {
    const isImage = bytes[at] === IMAGE;
    if (isImage && ++frames > MAX_FRAMES) {
      return { ...rough, excess: `more than ${MAX_FRAMES} frames`, isComplete: true };
    }
    // Behind the own table of an image there is one byte more: how long its codes are at first.
    const head = isImage ? IMAGE_BYTES + tableBytes(bytes[at + IMAGE_BYTES] ?? 0) + 1 : EXTENSION_BYTES;
    at = endOfBlocks(bytes, at + 1 + head, steps);
    if (steps.left <= 0) return { ...rough, isComplete: false };
  }
  return { ...rough, isComplete: true };
}

function tableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
}

function endOfBlocks(bytes: Uint8Array, from: number, steps: { left: number }): number {
  let at = from;
  while (steps.left-- > 0 && at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] ?? 0);
  return at + 1;
}
