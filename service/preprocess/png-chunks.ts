const SIGNATURE_BYTES = 8;
/** Length and type before the data of a chunk, a checksum behind it. */
const CHUNK_OVERHEAD_BYTES = 12;
/** Even 8 KiB chunks hold 800 MB in this number; each costs time to read. */
const MAX_CHUNKS = 100_000;
/** Text, and profiles that are ignored anyway: packed, 64 KiB become 64 MiB and 40 ms of a thread. */
const BAGGAGE: ReadonlySet<string> = new Set(['zTXt', 'iTXt', 'tEXt', 'iCCP']);
const HARMLESS_BYTES = 4096;

/**
 * A PNG without what is packed beside its pixels, where that is much: decoders unpack it all.
 * @returns the file itself where there is little of it; undefined where it has too many chunks
 */
export function withoutBaggage(png: Uint8Array): Uint8Array | undefined {
  const view = Buffer.from(png.buffer, png.byteOffset, png.byteLength);
  const kept: Buffer[] = [];
  let dropped = 0;
  let keptTo = 0;
  let offset = SIGNATURE_BYTES;
  for (let chunks = 0; offset + CHUNK_OVERHEAD_BYTES <= view.length; chunks++) {
    if (chunks >= MAX_CHUNKS) return undefined;
    const end = offset + CHUNK_OVERHEAD_BYTES + view.readUInt32BE(offset);
    if (BAGGAGE.has(view.toString('latin1', offset + 4, offset + 8))) {
      kept.push(view.subarray(keptTo, offset));
      dropped += Math.min(end, view.length) - offset;
      keptTo = end;
    }
    offset = end;
  }
  return dropped <= HARMLESS_BYTES ? png : Buffer.concat([...kept, view.subarray(keptTo)]);
}
