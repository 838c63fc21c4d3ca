import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { CollectedBytes } from './collected-bytes.js';

const PIECE = randomBytes(64 * 1024);

function* slices(piece: Buffer, size: number): Generator<Buffer> {
  for (let start = 0; start < piece.length; start += size) yield piece.subarray(start, start + size);
}

it.each([1, 7, 1000, 8 * 1024, 64 * 1024])('keeps slices of %i bytes of one piece without a copy', (size) => {
  const collected = new CollectedBytes();
  for (const slice of slices(PIECE, size)) collected.add(slice);
  const joined = collected.join();
  expect(joined.equals(PIECE)).toBe(true);
  expect(joined.buffer).toBe(PIECE.buffer);
});

it('copies a byte out of each large piece, and does not keep the pieces', () => {
  const collected = new CollectedBytes();
  for (const slice of slices(PIECE, 1024)) collected.add(slice.subarray(3, 4));
  const joined = collected.join();
  expect(joined).toEqual(Buffer.from([...slices(PIECE, 1024)].map((slice) => slice[3] ?? 0)));
  expect(joined.buffer).not.toBe(PIECE.buffer);
});

it('joins pieces of all sizes, slices or not, in their order', () => {
  const collected = new CollectedBytes();
  const pieces = Array.from({ length: 200 }, (_, index) => randomBytes((index * 7919) % (40 * 1024)));
  for (const piece of pieces) for (const slice of slices(piece, 3000)) collected.add(slice);
  expect(collected.length).toBe(pieces.reduce((sum, { length }) => sum + length, 0));
  expect(collected.join().equals(Buffer.concat(pieces))).toBe(true);
});
