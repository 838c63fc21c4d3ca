import type { FileFacts } from './facts.js';

/** Only the first page is decoded, but all directories are read, 26 us each. */
const MAX_DIRECTORIES = 1000;
/** libtiff takes note of each tag that it does not know, for the square of their number: 4,000 cost 2 s. */
const MAX_TAG_KINDS = 400;
const MAX_ENTRIES = 20_000;
const [WIDTH, HEIGHT] = [256, 257];
const SHORT = 3;

interface Layout {
  readonly isLittle: boolean;
  readonly isBig: boolean;
}

/** Reads the size of the first page, and counts directories and tags. */
export function readTiffFacts(bytes: Uint8Array, maxSteps: number): FileFacts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 16) return { size: undefined, isComplete: true };
  const isLittle = view.getUint8(0) === 0x49;
  const layout: Layout = { isLittle, isBig: view.getUint16(2, isLittle) === 43 };
  const kinds = new Set<number>();
  let size: FileFacts['size'];
  let [directories, entries] = [0, 0];
  let directory = directoryAt(
    view,
    layout.isBig ? uint64(view, 8, isLittle) : view.getUint32(4, isLittle),
    layout,
  );
  for (; directory !== undefined; directory = directoryAt(view, directory.next, layout)) {
    directories += 1;
    entries += directory.count;
    if (entries <= MAX_ENTRIES) {
      if (entries > maxSteps) return { size, isComplete: false };
      for (let index = 0; index < directory.count; index++) kinds.add(tagAt(view, directory, index, layout));
      size ??= sizeOf(view, directory, layout);
    }
    const excess = excessOf(directories, entries, kinds.size);
    if (excess !== undefined) return { size, excess, isComplete: true };
  }
  return { size, isComplete: true };
}

function excessOf(directories: number, entries: number, kinds: number): string | undefined {
  if (directories > MAX_DIRECTORIES) return `more than ${MAX_DIRECTORIES} directories`;
  if (entries > MAX_ENTRIES) return `more than ${MAX_ENTRIES} entries`;
  return kinds > MAX_TAG_KINDS ? `more than ${MAX_TAG_KINDS} kinds of tags` : undefined;
}

interface Directory {
  readonly first: number;
  readonly count: number;
  readonly next: number;
}

function directoryAt(view: DataView, at: number, { isLittle, isBig }: Layout): Directory | undefined {
  const head = isBig ? 8 : 2;
  if (at === 0 || at + head > view.byteLength) return undefined;
  const count = isBig ? uint64(view, at, isLittle) : view.getUint16(at, isLittle);
  const end = at + head + count * (isBig ? 20 : 12);
  if (end + (isBig ? 8 : 4) > view.byteLength) return undefined;
  return {
    first: at + head,
    count,
    next: isBig ? uint64(view, end, isLittle) : view.getUint32(end, isLittle),
  };
}

function tagAt(view: DataView, { first }: Directory, index: number, { isLittle, isBig }: Layout): number {
  return view.getUint16(first + index * (isBig ? 20 : 12), isLittle);
}

function sizeOf(view: DataView, directory: Directory, layout: Layout): FileFacts['size'] {
  const { isLittle, isBig } = layout;
  let [width, height] = [0, 0];
  for (let index = 0; index < directory.count; index++) {
    const entry = directory.first + index * (isBig ? 20 : 12);
    const value = entry + (isBig ? 12 : 8);
    const isShort = view.getUint16(entry + 2, isLittle) === SHORT;
    const tag = tagAt(view, directory, index, layout);
    if (tag !== WIDTH && tag !== HEIGHT) continue;
    const number = isShort ? view.getUint16(value, isLittle) : view.getUint32(value, isLittle);
    if (tag === WIDTH) width = number;
    else height = number;
  }
  return width > 0 && height > 0 ? { width, height } : undefined;
}

function uint64(view: DataView, at: number, isLittle: boolean): number {
  return Number(view.getBigUint64(at, isLittle));
}
