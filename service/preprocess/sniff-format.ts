import type { ImageFormat } from './image.js';

/** What a file is by its first bytes: a format that can be decoded, or the name of what was seen instead. */
export type Sniffed =
  | { readonly format: ImageFormat; readonly name: string }
  | { readonly format: undefined; readonly name: string };

/** Text formats announce themselves within this many bytes. */
const TEXT_BYTES = 1024;

type Signature = readonly [format: ImageFormat | undefined, name: string, offset: number, bytes: string];

/** Offsets in bytes; signatures as Latin-1. */
const SIGNATURES: readonly Signature[] = [
  ['jpeg', 'JPEG', 0, '\xff\xd8\xff'],
  ['png', 'PNG', 0, '\x89PNG\r\n\x1a\n'],
  ['gif', 'GIF', 0, 'GIF87a'],
  ['gif', 'GIF', 0, 'GIF89a'],
  ['tiff', 'TIFF', 0, 'II*\0'],
  ['tiff', 'TIFF', 0, 'MM\0*'],
  ['tiff', 'TIFF', 0, 'II+\0'],
  ['tiff', 'TIFF', 0, 'MM\0+'],
  [undefined, 'PDF', 0, '%PDF-'],
  [undefined, 'BMP', 0, 'BM'],
  [undefined, 'PSD', 0, '8BPS'],
  [undefined, 'JPEG 2000', 4, 'jP  \r\n\x87\n'],
  [undefined, 'JPEG XL', 0, '\xff\x0a'],
  [undefined, 'JPEG XL', 4, 'JXL \r\n\x87\n'],
  [undefined, 'ICO', 0, '\0\0\x01\0'],
  [undefined, 'ZIP', 0, 'PK\x03\x04'],
  [undefined, 'gzip', 0, '\x1f\x8b'],
  [undefined, 'Matroska', 0, '\x1aE\xdf\xa3'],
];

const UNKNOWN: Sniffed = { format: undefined, name: 'not an image this service knows' };

/** Looks at the content only; what the sender calls it does not count. */
export function sniffFormat(bytes: Uint8Array): Sniffed {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, TEXT_BYTES)).toString(
    'latin1',
  );
  if (head.startsWith('RIFF') && head.startsWith('WEBP', 8)) return { format: 'webp', name: 'WebP' };
  if (head.startsWith('ftyp', 4)) return sniffBrands(head);
  const found = SIGNATURES.find(([, , offset, signature]) => head.startsWith(signature, offset));
  if (found !== undefined) return { format: found[0], name: found[1] } as Sniffed;
  return sniffText(head);
}

/** ISO media files: the major brand, then the compatible ones, four letters each. */
function sniffBrands(head: string): Sniffed {
  const length = Math.min(head.length, head.charCodeAt(2) * 256 + head.charCodeAt(3));
  const brands = [head.slice(8, 12), ...(head.slice(16, Math.max(16, length)).match(/.{4}/gs) ?? [])];
  if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return { format: 'avif', name: 'AVIF' };
  const isHeif = brands.some((brand) => /^(hei[cxms]|hev[cxms]|mif1|msf1)$/.test(brand));
  return { format: undefined, name: isHeif ? 'HEIC' : 'MP4' };
}

function sniffText(head: string): Sniffed {
  const text = head.replace(/^\xef\xbb\xbf/, '').trimStart();
  if (!text.startsWith('<')) return UNKNOWN;
  if (/<svg[\s>]/i.test(text)) return { format: undefined, name: 'SVG' };
  if (/^<(!doctype html|html)/i.test(text)) return { format: undefined, name: 'HTML' };
  return { format: undefined, name: 'XML' };
}
