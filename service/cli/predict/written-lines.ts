import type { FileHandle } from 'node:fs/promises';

const NEWLINE = 10;
const QUOTE = 34;
const READ_BYTES = 64 * 1024;

export interface WrittenLine {
  /** Without its line break. */
  readonly text: string;
  /** Of the byte after it. */
  readonly end: number;
  /** False for what comes after the last line break. */
  readonly isWhole: boolean;
}

/**
 * The lines of a file, and where they end, in bytes: what follows can be cut off there.
 * @param isQuoted whether line breaks between quotation marks are none
 */
export async function* writtenLines(file: FileHandle, isQuoted: boolean): AsyncGenerator<WrittenLine> {
  let rest = Buffer.alloc(0);
  let end = 0;
  let isInQuotes = false;
  const piece = Buffer.alloc(READ_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(piece, 0, READ_BYTES, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    let start = 0;
    const begun: Buffer[] = [rest];
    for (let at = 0; at < bytesRead; at += 1) {
      if (isQuoted && piece[at] === QUOTE) isInQuotes = !isInQuotes;
      if (piece[at] !== NEWLINE || isInQuotes) continue;
      const line = Buffer.concat([...begun.splice(0), piece.subarray(start, at)]);
      end += line.length + 1;
      yield { text: line.toString('utf8'), end, isWhole: true };
      start = at + 1;
    }
    rest = Buffer.concat([...begun, piece.subarray(start, bytesRead)]);
  }
  if (rest.length > 0) yield { text: rest.toString('utf8'), end: end + rest.length, isWhole: false };
}
