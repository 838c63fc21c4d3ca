import { createHash } from 'node:crypto';
import { ServiceError } from '../errors.js';

/** A file of a model as its bytes were found. */
export interface HashedFile {
  /** Path relative to the folder of the ONNX file, segments joined by `/`. */
  readonly name: string;
  readonly bytes: number;
  /** SHA-256, 64 hex digits. */
  readonly hex: string;
}

/** SHA-256 of bytes in memory as 64 hex digits. */
export function sha256Of(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Names hold no control character, so that a line cannot be taken for two, nor one field for another. */
function lineOf({ name, bytes, hex }: HashedFile): Buffer {
  return Buffer.from(`${hex} ${bytes} ${name}\n`);
}

/**
 * The digest of a model: `sha256:<hex of the file>` for a lone file; with external data `sha256-files:<hex>`, over
 * a line `<sha256> <bytes> <name>` for each file, the ONNX file first, the others in the order of their lines' bytes,
 * so that it does not matter in which order a manifest lists them. See docs/model-json.md.
 */
export function digestOf(model: HashedFile, externalData: readonly HashedFile[]): string {
  if (externalData.length === 0) return `sha256:${model.hex}`;
  const lines = externalData.map(lineOf).sort(Buffer.compare);
  return `sha256-files:${sha256Of(Buffer.concat([lineOf(model), ...lines]))}`;
}

/** Whether a digest is of the kind that a model of so many files has. */
export function isOfKind(digest: string, hasExternalData: boolean): boolean {
  return digest.startsWith('sha256-files:') === hasExternalData;
}

/**
 * Reads a digest as people write them: 64 hex digits, with `sha256:` or without, or with `sha256-files:`. Returns it
 * with its kind in front. Throws CONFIG_INVALID when it is none.
 */
export function parseDigest(text: string): string {
  const [, kind = 'sha256:', hex] = /^(sha256:|sha256-files:)?([0-9a-f]{64})$/i.exec(text.trim()) ?? [];
  if (hex !== undefined) return `${kind}${hex}`.toLowerCase();
  throw new ServiceError('CONFIG_INVALID', 'the expected digest of the model is not 64 hex digits');
}
