import type { FileFacts } from './facts.js';

/** Boxes that hold others, and how many bytes of their own come first. */
const CONTAINERS: ReadonlyMap<number, number> = new Map([
  [typeOf('meta'), 4],
  [typeOf('iprp'), 0],
  [typeOf('ipco'), 0],
]);
const SPATIAL_EXTENTS = typeOf('ispe');
const MAX_BOXES = 10_000;

/** The letters of a type, as a number. */
function typeOf(name: string): number {
  return Buffer.from(name, 'latin1').readUInt32BE(0);
}

/** Reads the largest size that any picture of the file is said to have: parts, thumbnails and depth maps are smaller. */
export function readAvifFacts(bytes: Uint8Array): FileFacts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let size: FileFacts['size'];
  let boxes = 0;
  const walk = (from: number, to: number): void => {
    for (let at = from; at + 8 <= to && boxes < MAX_BOXES; boxes++) {
      const box = boxAt(view, at, to);
      if (box === undefined) return;
      const ownBytes = CONTAINERS.get(box.type);
      if (ownBytes !== undefined) walk(box.body + ownBytes, box.end);
      if (box.type === SPATIAL_EXTENTS && box.body + 12 <= box.end) size = larger(size, view, box.body + 4);
      at = box.end;
    }
  };
  walk(0, view.byteLength);
  return { size, excess: boxes >= MAX_BOXES ? `more than ${MAX_BOXES} boxes` : undefined };
}

function larger(known: FileFacts['size'], view: DataView, at: number): FileFacts['size'] {
  const found = { width: view.getUint32(at), height: view.getUint32(at + 4) };
  return known !== undefined && known.width * known.height >= found.width * found.height ? known : found;
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
