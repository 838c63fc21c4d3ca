import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { ServiceError } from '../errors.js';

/** SHA-256 of files joined in this order, as 64 hex digits; read as streams, for they may be larger than the memory. */
export async function sha256OfFiles(paths: readonly string[], signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for (const path of paths) {
    const stream = createReadStream(path, { signal, highWaterMark: 1024 * 1024 });
    for await (const chunk of stream as AsyncIterable<Uint8Array>) hash.update(chunk);
  }
  return hash.digest('hex');
}

/** SHA-256 of bytes in memory as 64 hex digits. */
export function sha256Of(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Reads a digest as people write them, with or without `sha256:`. Throws CONFIG_INVALID when it is none. */
export function parseDigest(text: string): string {
  const [, hex] = /^(?:sha256:)?([0-9a-f]{64})$/i.exec(text.trim()) ?? [];
  if (hex !== undefined) return hex.toLowerCase();
  throw new ServiceError('CONFIG_INVALID', 'the expected digest of the model is not 64 hex digits');
}
