import type { FileFacts } from './facts.js';

const SIGNATURE_BYTES = 8;
/** Length and type before the data of a chunk, a checksum behind it. */
const CHUNK_OVERHEAD_BYTES = 12;
/** Even 8 KiB chunks hold 800 MB in this number; each costs time to read. */
const MAX_CHUNKS = 100_000;
/** Dropping less than this saves nothing. */
const FEW_BYTES = 4096;

/** Chunk types are compared as numbers: a file can have 100,000. */
function typeOf(name: string): number {
  return Buffer.from(name, 'latin1').readUInt32BE(0);
}

const HEADER = typeOf('IHDR');
/** What makes up the pixels, and which way is up. Of all else, packed, 64 KiB become 64 MiB and 40 ms of a thread. */
const NEEDED: ReadonlySet<number> = new Set(['IHDR', 'PLTE', 'IDAT', 'IEND', 'tRNS', 'eXIf'].map(typeOf));
/** Types that begin with a capital: a decoder that does not know one has to refuse the file. */
const LOWER_CASE = 0x20_00_00_00;

/** Reads the size, and counts the chunks. */
export function readPngFacts(png: Uint8Array, maxSteps: number): FileFacts {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const size = sizeOf(view);
  let chunks = 0;
  for (let at = SIGNATURE_BYTES; at + CHUNK_OVERHEAD_BYTES <= view.byteLength; chunks++) {
    if (chunks >= MAX_CHUNKS) return { size, excess: `more than ${MAX_CHUNKS} chunks`, isComplete: true };
    if (chunks >= maxSteps) return { size, isComplete: false };
    at += CHUNK_OVERHEAD_BYTES + view.getUint32(at);
  }
  return { size, isComplete: true };
}

function sizeOf(view: DataView): FileFacts['size'] {
  if (view.byteLength < 24 || view.getUint32(12) !== HEADER) return undefined;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** A PNG without what is packed beside its pixels, where that is much: decoders unpack it all. */
export function withoutExtras(png: Uint8Array): Uint8Array {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const kept: Uint8Array[] = [];
  let dropped = 0;
  let keptTo = 0;
  for (let at = SIGNATURE_BYTES; at + CHUNK_OVERHEAD_BYTES <= view.byteLength; ) {
    const end = at + CHUNK_OVERHEAD_BYTES + view.getUint32(at);
    const type = view.getUint32(at + 4);
    if (!NEEDED.has(type) && (type & LOWER_CASE) !== 0) {
      if (at > keptTo) kept.push(png.subarray(keptTo, at));
      dropped += Math.min(end, view.byteLength) - at;
      keptTo = end;
    }
    at = end;
  }
  return dropped <= FEW_BYTES ? png : Buffer.concat([...kept, png.subarray(keptTo)]);
}
