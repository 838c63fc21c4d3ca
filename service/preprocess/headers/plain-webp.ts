import { sizeIn, typeAt } from './webp.js';

/** A still image, as it stands in the file: no frames, no metadata that could turn it. */
export interface PlainWebp {
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
}

/** An image has a header, a profile, transparency, pixels and XMP at the most. */
const MAX_CHUNKS = 5;
const HEAD_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;
const ALPHA_FLAG = 0x10;
const ANIMATION_FLAG = 0x02;
/** In the fifth byte of a lossless image. */
const LOSSLESS_ALPHA = 0x10;

interface Chunk {
  readonly type: string;
  readonly body: DataView;
}

/**
 * Reads a WebP strictly (RFC 9649): anything that two readers might take differently (chunks out of order or beside the
 * image, bytes behind the end, EXIF that may turn it) gives undefined, and another decoder must judge. The pixels
 * themselves are not looked at.
 */
export function readPlainWebp(bytes: Uint8Array): PlainWebp | undefined {
  const chunks = chunksOf(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  const [first, ...others] = chunks ?? [];
  if (first === undefined) return undefined;
  if (first.type !== 'VP8X') return others.length === 0 ? imageOf(first) : undefined;
  return extended(first.body, others);
}

function chunksOf(view: DataView): Chunk[] | undefined {
  if (view.byteLength < HEAD_BYTES + CHUNK_HEAD_BYTES) return undefined;
  if (view.getUint32(4, true) + CHUNK_HEAD_BYTES !== view.byteLength) return undefined;
  const chunks: Chunk[] = [];
  for (let at = HEAD_BYTES; at < view.byteLength; ) {
    if (chunks.length === MAX_CHUNKS || at + CHUNK_HEAD_BYTES > view.byteLength) return undefined;
    const length = view.getUint32(at + 4, true);
    const start = at + CHUNK_HEAD_BYTES;
    at = start + length + (length & 1);
    if (at > view.byteLength) return undefined;
    chunks.push({
      type: typeAt(view, start - CHUNK_HEAD_BYTES),
      body: new DataView(view.buffer, view.byteOffset + start, length),
    });
  }
  return chunks;
}

/** An optional profile, then the image with what makes it transparent, then optional XMP. */
function extended(head: DataView, chunks: readonly Chunk[]): PlainWebp | undefined {
  const order = chunks.map(({ type }) => type).join(',');
  if (head.byteLength !== 10 || !/^(ICCP,)?((ALPH,)?VP8 |VP8L)(,XMP )?$/.test(order)) return undefined;
  const canvas = sizeIn('VP8X', head);
  const found = chunks.find(({ type }) => type.startsWith('VP8'));
  const image = found && imageOf(found);
  const isWhole = image?.width === canvas?.width && image?.height === canvas?.height;
  const flags = head.getUint8(0);
  if (image === undefined || !isWhole || (flags & ANIMATION_FLAG) !== 0) return undefined;
  return { ...image, hasAlpha: image.hasAlpha || (flags & ALPHA_FLAG) !== 0 || order.includes('ALPH') };
}

/** Of the chunk that holds the pixels. */
function imageOf({ type, body }: Chunk): PlainWebp | undefined {
  const size = sizeIn(type, body);
  return size && { ...size, hasAlpha: type === 'VP8L' && (body.getUint8(4) & LOSSLESS_ALPHA) !== 0 };
}
