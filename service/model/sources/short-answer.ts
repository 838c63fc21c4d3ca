import type { OpenedObject } from './source.js';

/** The bytes of an answer that should be short; none of one that is longer. */
export async function readShort({ stream }: OpenedObject, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) break;
    chunks.push(chunk);
  }
  return bytes > maxBytes ? Buffer.alloc(0) : Buffer.concat(chunks);
}
