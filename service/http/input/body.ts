import { performance } from 'node:perf_hooks';
import type { FastifyRequest } from 'fastify';
import type { ServiceError } from '../../errors.js';
import { CollectedBytes } from './collected-bytes.js';
import { brokenOff } from './input-errors.js';

/** After so much of it a body lets others have their turn: Node reads up to 32 pieces of 64 KB in a row. */
const TURN_BYTES = 64 * 1024;
/** After so long as well: a hostile piece of 64 KB is work for tens of milliseconds. */
const TURN_MS = 4;
/** What is looked into before the clock is. */
const SLICE_BYTES = 2 * 1024;

/** How large a body may be, whatever it says of itself. */
export interface BodyLimit {
  readonly maxBytes: number;
  readonly tooLarge: () => ServiceError;
}

/**
 * Hands a body on, slice by slice, as it arrives. Rejects with `tooLarge` past the limit, with OVERLOADED where all bodies
 * together take too much memory, with what `take` throws, and with the scope's reason once that aborts.
 * @param sliceBytes the most that `take` gets at once: little where it looks into what may be hostile
 */
export function readBody(
  request: FastifyRequest,
  limit: BodyLimit,
  take: (slice: Buffer) => void,
  sliceBytes = SLICE_BYTES,
): Promise<void> {
  const { raw, scope } = request;
  const count = countBody(request, limit);
  return new Promise((resolve, reject) => {
    let isSettled = false;
    let hasArrived = false;
    let isWaiting = false;
    let sinceTurn = 0;
    const settle = (act: () => void): void => {
      isSettled = true;
      raw.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      scope.signal.removeEventListener('abort', onAbort);
      act();
    };
    const orSettle = (act: () => void): void => {
      try {
        act();
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onData = (piece: Buffer): void =>
      orSettle(() => {
        count(piece);
        takeFrom(piece, 0);
      });
    const takeFrom = (piece: Buffer, start: number): void => {
      const next = takeForAWhile(piece, start, sliceBytes, take);
      sinceTurn += next - start;
      isWaiting = next < piece.length || sinceTurn >= TURN_BYTES;
      if (isWaiting) waitAndTake(piece, next);
      else if (hasArrived) settle(resolve);
      else raw.resume();
    };
    const waitAndTake = (piece: Buffer, start: number): void => {
      sinceTurn = 0;
      raw.pause();
      setImmediate(() => isSettled || orSettle(() => takeFrom(piece, start)));
    };
    // Comes while the last piece still waits: a pause does not hold it up.
    const onEnd = (): void => {
      hasArrived = true;
      scope.bodyArrived();
      if (!isWaiting) settle(resolve);
    };
    const onError = (error: unknown): void => settle(() => reject(brokenOff(error)));
    const onClose = (): void => {
      if (!hasArrived) settle(() => reject(brokenOff(undefined)));
    };
    const onAbort = (): void => settle(() => reject(scope.signal.reason));
    if (scope.signal.aborted) return reject(scope.signal.reason);
    scope.signal.addEventListener('abort', onAbort, { once: true });
    raw.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

/** The whole body in memory. Rejects as `readBody`. */
export async function readWhole(request: FastifyRequest, limit: BodyLimit): Promise<Buffer> {
  const collected = new CollectedBytes();
  await readBody(request, limit, (piece) => collected.add(piece), Number.POSITIVE_INFINITY);
  return collected.join();
}

/** Counts the pieces of a body as they come. Throws `tooLarge` at once where its length says so; what it returns throws as `readBody` rejects. */
function countBody(
  { headers, scope }: FastifyRequest,
  { maxBytes, tooLarge }: BodyLimit,
): (piece: Buffer) => void {
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  let length = 0;
  return (piece) => {
    length += piece.length;
    if (length > maxBytes) throw tooLarge();
    scope.received(piece.length);
  };
}

/** @returns how far it came before its time was up */
function takeForAWhile(
  piece: Buffer,
  start: number,
  sliceBytes: number,
  take: (slice: Buffer) => void,
): number {
  const until = performance.now() + TURN_MS;
  let at = start;
  while (at < piece.length && (at === start || performance.now() < until)) {
    const end = Math.min(at + sliceBytes, piece.length);
    take(piece.subarray(at, end));
    at = end;
  }
  return at;
}
