/** What a JPEG says about itself before its first scan. */
export interface JpegHeader {
  /** Pixels as stored, before any orientation. */
  readonly width: number;
  readonly height: number;
  /** Baseline or extended sequential, Huffman-coded (SOF0, SOF1); otherwise progressive, lossless or arithmetic. */
  readonly isSequential: boolean;
  /** Bits of a sample. */
  readonly precision: number;
  readonly components: number;
  /** 1..8 as in EXIF, 1 where none is given; undefined where the EXIF block is not plain. */
  readonly orientation: number | undefined;
  /** Three components are YCbCr beyond doubt. */
  readonly isYcc: boolean;
}

interface Draft {
  width: number;
  height: number;
  marker: number;
  precision: number;
  ids: readonly number[];
  orientation: number | undefined;
  exifBlocks: number;
  hasJfif: boolean;
  adobeTransform: number | undefined;
  tables: number;
}

const MAX_SEGMENTS = 1000;
/** Quantisation tables: there are four places for them, and no reason to fill one twice before the first scan. */
const MAX_TABLES = 16;
const SOI = 0xffd8;
const SOS = 0xda;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP14 = 0xee;
const DQT = 0xdb;
/** DHT, JPG and DAC lie among the frame markers but begin no frame. */
const NOT_FRAMES = new Set([0xc4, 0xc8, 0xcc]);

/**
 * Reads a JPEG up to its first scan, strictly: anything that two readers might take differently (bytes between
 * segments, a second frame, a height that comes later) gives undefined, and another decoder must judge.
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 4 || view.getUint16(0) !== SOI) return undefined;
  const draft = emptyDraft();
  let offset = 2;
  for (let segments = 0; segments < MAX_SEGMENTS; segments++) {
    const segment = segmentAt(view, offset);
    if (segment === undefined) return undefined;
    if (segment.marker === SOS) return finish(draft);
    if (!readSegment(draft, segment)) return undefined;
    offset = segment.end;
  }
  return undefined;
}

interface Segment {
  readonly marker: number;
  /** What follows the length field. */
  readonly body: DataView;
  /** Offset of the next segment. */
  readonly end: number;
}

function segmentAt(view: DataView, offset: number): Segment | undefined {
  if (offset + 4 > view.byteLength || view.getUint8(offset) !== 0xff) return undefined;
  const marker = view.getUint8(offset + 1);
  const length = view.getUint16(offset + 2);
  const end = offset + 2 + length;
  const standsAlone = marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd9) || marker === 0xff;
  if (standsAlone || length < 2 || end > view.byteLength) return undefined;
  return { marker, body: new DataView(view.buffer, view.byteOffset + offset + 4, length - 2), end };
}

function emptyDraft(): Draft {
  return {
    width: 0,
    height: 0,
    marker: 0,
    precision: 0,
    ids: [],
    orientation: 1,
    exifBlocks: 0,
    hasJfif: false,
    adobeTransform: undefined,
    tables: 0,
  };
}

/** False where the segment is not as it should be. */
function readSegment(draft: Draft, { marker, body }: Segment): boolean {
  if (marker >= 0xc0 && marker <= 0xcf && !NOT_FRAMES.has(marker)) return readFrame(draft, marker, body);
  if (marker === DQT) return countTables(draft, body);
  if (marker === APP0 && startsWith(body, 'JFIF\0')) draft.hasJfif = true;
  if (marker === APP14 && startsWith(body, 'Adobe') && body.byteLength >= 12) {
    draft.adobeTransform = body.getUint8(11);
  }
  if (marker === APP1 && startsWith(body, 'Exif\0')) {
    draft.exifBlocks++;
    if (draft.exifBlocks === 1) draft.orientation = readOrientation(body);
  }
  return true;
}

function readFrame(draft: Draft, marker: number, body: DataView): boolean {
  if (draft.marker !== 0 || body.byteLength < 6) return false;
  const components = body.getUint8(5);
  if (body.byteLength !== 6 + components * 3) return false;
  draft.marker = marker;
  draft.precision = body.getUint8(0);
  draft.height = body.getUint16(1);
  draft.width = body.getUint16(3);
  draft.ids = Array.from({ length: components }, (_, index) => body.getUint8(6 + index * 3));
  return true;
}

function countTables(draft: Draft, body: DataView): boolean {
  let offset = 0;
  while (offset < body.byteLength) {
    const size = body.getUint8(offset) >> 4 === 0 ? 1 : 2;
    if (offset + 1 + 64 * size > body.byteLength || ++draft.tables > MAX_TABLES) return false;
    offset += 1 + 64 * size;
  }
  return true;
}

function startsWith(view: DataView, text: string): boolean {
  if (view.byteLength < text.length) return false;
  return Array.from(text).every((letter, index) => view.getUint8(index) === letter.charCodeAt(0));
}

const ORIENTATION_TAG = 0x0112;
const SHORT = 3;
const TIFF_OFFSET = 6;
const MAX_ENTRIES = 512;

/** EXIF: 'Exif\0\0', then a TIFF whose first directory may hold the tag. Undefined where it is damaged. */
function readOrientation(exif: DataView): number | undefined {
  if (exif.byteLength < TIFF_OFFSET + 14) return undefined;
  const order = exif.getUint16(TIFF_OFFSET);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const isLittle = order === 0x4949;
  const directory = TIFF_OFFSET + exif.getUint32(TIFF_OFFSET + 4, isLittle);
  if (exif.getUint16(TIFF_OFFSET + 2, isLittle) !== 42 || directory + 2 > exif.byteLength) return undefined;
  const entries = exif.getUint16(directory, isLittle);
  if (entries > MAX_ENTRIES || directory + 2 + entries * 12 > exif.byteLength) return undefined;
  for (let index = 0; index < entries; index++) {
    const entry = directory + 2 + index * 12;
    if (exif.getUint16(entry, isLittle) !== ORIENTATION_TAG) continue;
    const isPlain =
      exif.getUint16(entry + 2, isLittle) === SHORT && exif.getUint32(entry + 4, isLittle) === 1;
    const value = exif.getUint16(entry + 8, isLittle);
    return isPlain && value >= 1 && value <= 8 ? value : undefined;
  }
  return 1;
}

function finish(draft: Draft): JpegHeader | undefined {
  if (draft.width === 0 || draft.height === 0) return undefined;
  const { ids, adobeTransform, hasJfif } = draft;
  const isNumbered = ids.every((id, index) => id === index + 1);
  return {
    width: draft.width,
    height: draft.height,
    isSequential: draft.marker === 0xc0 || draft.marker === 0xc1,
    precision: draft.precision,
    components: ids.length,
    orientation: draft.exifBlocks > 1 ? undefined : draft.orientation,
    isYcc: ids.length === 3 && (adobeTransform === undefined ? hasJfif || isNumbered : adobeTransform === 1),
  };
}
