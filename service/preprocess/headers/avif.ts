import type { FileFacts } from './facts.js';

/** Boxes that hold others, and how many bytes of their own come first. */
const CONTAINERS: ReadonlyMap<number, number> = new Map([
  [typeOf('meta'), 4],
  [typeOf('iprp'), 0],
  [typeOf('ipco'), 0],
  [typeOf('iref'), 4],
]);
const [EXTENTS, PROPERTIES, ASSOCIATIONS, REFERENCES, DERIVED_FROM] = [
  'ispe',
  'ipco',
  'ipma',
  'iref',
  'dimg',
].map(typeOf);
const MAX_BOXES = 10_000;
/** meta, iprp, ipco and what they hold. */
const MAX_DEPTH = 4;
const MAX_REFERENCES = 10_000;
/**
 * Parts (the tiles of a grid) that an image is made of may have this many times its pixels: honest ones have as many and
 * a margin. 256 references to one tile of 4 megapixels cost 17 s and 1.5 KB.
 */
const MAX_PARTS_FACTOR = 4;

type Size = NonNullable<FileFacts['size']>;

/** The letters of a type, as a number. */
function typeOf(name: string): number {
  return Buffer.from(name, 'latin1').readUInt32BE(0);
}

/** Reads the largest size that any picture of the file is said to have: parts, thumbnails and depth maps are smaller. */
export function readAvifFacts(bytes: Uint8Array, maxSteps: number): FileFacts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Found(Math.min(maxSteps, MAX_BOXES));
  walkBoxes(view, { from: 0, to: view.byteLength, parent: 0 }, found);
  const size = largest(found.properties);
  if (found.boxesLeft < 0) {
    if (maxSteps < MAX_BOXES) return { size, isComplete: false };
    return { size, excess: `more than ${MAX_BOXES} boxes`, isComplete: true };
  }
  return { size, excess: excessOf(found, size), isComplete: true };
}

/** What the boxes say. */
class Found {
  boxesLeft: number;
  /** In the order in which associations count them; undefined for what is no size. */
  readonly properties: (Size | undefined)[] = [];
  /** The properties of each item, counted from 1. */
  readonly associations = new Map<number, readonly number[]>();
  /** Items that others are made of, once for each use. */
  readonly parts: number[] = [];

  constructor(maxBoxes: number) {
    this.boxesLeft = maxBoxes;
  }
}

function excessOf({ parts, properties, associations }: Found, size: Size | undefined): string | undefined {
  if (parts.length > MAX_REFERENCES) return `more than ${MAX_REFERENCES} parts`;
  const whole = pixelsOf(size);
  const ofItem = (item: number): number => {
    const sizes = (associations.get(item) ?? []).map((index) => properties[index - 1]);
    return pixelsOf(sizes.find((each) => each !== undefined) ?? size);
  };
  const sum = parts.reduce((pixels, item) => pixels + ofItem(item), 0);
  return sum > MAX_PARTS_FACTOR * whole
    ? `parts of more than ${MAX_PARTS_FACTOR} times its pixels`
    : undefined;
}

function pixelsOf(size: Size | undefined): number {
  return size === undefined ? 0 : size.width * size.height;
}

function largest(sizes: readonly (Size | undefined)[]): Size | undefined {
  return sizes.reduce((best, each) => (pixelsOf(each) > pixelsOf(best) ? each : best), undefined);
}

function walkBoxes(
  view: DataView,
  { from, to, parent }: { from: number; to: number; parent: number },
  found: Found,
  depth = 0,
): void {
  for (let at = from; at + 8 <= to && found.boxesLeft-- > 0; ) {
    const box = boxAt(view, at, to);
    if (box === undefined) return;
    const { type, body, end } = box;
    const ownBytes = CONTAINERS.get(type);
    if (parent === PROPERTIES)
      found.properties.push(type === EXTENTS ? extentsAt(view, body, end) : undefined);
    if (ownBytes !== undefined) {
      const inner = { from: body + ownBytes, to: end, parent: type };
      if (type === REFERENCES) readReferences(view, body, inner, found);
      else if (depth < MAX_DEPTH) walkBoxes(view, inner, found, depth + 1);
    }
    if (type === ASSOCIATIONS)
      readAssociations(new DataView(view.buffer, view.byteOffset + body, end - body), found);
    at = end;
  }
}

function extentsAt(view: DataView, body: number, end: number): Size | undefined {
  if (body + 12 > end) return undefined;
  return { width: view.getUint32(body + 4), height: view.getUint32(body + 8) };
}

/** Each box within: what it is about, then how many items and which; in 2 bytes each, or 4 in the second version. */
function readReferences(
  view: DataView,
  body: number,
  inner: { from: number; to: number },
  found: Found,
): void {
  const idBytes = body < inner.to && view.getUint8(body) === 0 ? 2 : 4;
  const idAt = (at: number): number => (idBytes === 2 ? view.getUint16(at) : view.getUint32(at));
  for (let at = inner.from; at + 8 <= inner.to && found.boxesLeft-- > 0; ) {
    const box = boxAt(view, at, inner.to);
    if (box === undefined) return;
    const first = box.body + idBytes + 2;
    if (box.type === DERIVED_FROM && first <= box.end) {
      const count = view.getUint16(box.body + idBytes);
      for (let index = 0; index < count && first + (index + 1) * idBytes <= box.end; index++) {
        if (found.parts.length > MAX_REFERENCES) return;
        found.parts.push(idAt(first + index * idBytes));
      }
    }
    at = box.end;
  }
}

function readAssociations(view: DataView, found: Found): void {
  if (view.byteLength < 8) return;
  const idBytes = view.getUint8(0) === 0 ? 2 : 4;
  const indexBytes = (view.getUint8(3) & 1) === 0 ? 1 : 2;
  let at = 8;
  for (let left = view.getUint32(4); left > 0 && at + idBytes + 1 <= view.byteLength; left--) {
    if (found.boxesLeft-- <= 0) return;
    const item = idBytes === 2 ? view.getUint16(at) : view.getUint32(at);
    const count = view.getUint8(at + idBytes);
    at += idBytes + 1;
    if (at + count * indexBytes > view.byteLength) return;
    const start = at;
    const indexes = Array.from({ length: count }, (_, index) =>
      indexBytes === 1 ? view.getUint8(start + index) & 0x7f : view.getUint16(start + index * 2) & 0x7fff,
    );
    found.associations.set(item, indexes);
    at += count * indexBytes;
  }
}

function boxAt(
  view: DataView,
  at: number,
  limit: number,
): { type: number; body: number; end: number } | undefined {
  const [length, type] = [view.getUint32(at), view.getUint32(at + 4)];
  if (length === 1 && at + 16 <= limit) {
    const end = at + Number(view.getBigUint64(at + 8));
    return end > limit || end < at + 16 ? undefined : { type, body: at + 16, end };
  }
  const end = length === 0 ? limit : at + length;
  return end > limit || end < at + 8 ? undefined : { type, body: at + 8, end };
}

const BRAND_AT = 8;
const [SEQUENCE_BRAND, STILL_BRAND] = [typeOf('avis'), typeOf('avif')];

/**
 * An animation says first that it is one, and libvips then knows it not; where it holds a still picture as well (its
 * first frame), that is what is read once it says otherwise. Changes the bytes that it is given.
 */
export function asStillAvif(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength >= BRAND_AT + 4 && view.getUint32(BRAND_AT) === SEQUENCE_BRAND) {
    view.setUint32(BRAND_AT, STILL_BRAND ?? 0);
  }
  return bytes;
}
