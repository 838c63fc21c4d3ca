import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import type { ServiceError } from '../../errors.js';
import { CollectedBytes } from './collected-bytes.js';
import { brokenOff } from './input-errors.js';

/** After so much of it a body lets others have their turn: Node reads up to 32 pieces of 64 KB in a row. */
const TURN_BYTES = 64 * 1024;

/** How large a body may be, whatever it says of itself. */
export interface BodyLimit {
  readonly maxBytes: number;
  readonly tooLarge: () => ServiceError;
}

/**
 * Hands a body on, piece by piece, as it arrives. Rejects with `tooLarge` past the limit, with OVERLOADED where all bodies
 * together take too much memory, with what `take` throws, and with the scope's reason once that aborts.
 */
export function readBody(
  request: FastifyRequest,
  limit: BodyLimit,
  take: (piece: Buffer) => void,
): Promise<void> {
  const { raw, scope } = request;
  const count = countBody(request, limit);
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      raw.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      scope.signal.removeEventListener('abort', onAbort);
      act();
    };
    const onData = (piece: Buffer): void => {
      try {
        count(piece);
        take(piece);
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onEnd = (): void => {
      scope.bodyArrived();
      settle(resolve);
    };
    const onError = (error: unknown): void => settle(() => reject(brokenOff(error)));
    const onClose = (): void => settle(() => reject(brokenOff(undefined)));
    const onAbort = (): void => settle(() => reject(scope.signal.reason));
    if (scope.signal.aborted) return reject(scope.signal.reason);
    scope.signal.addEventListener('abort', onAbort, { once: true });
    raw.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

/** The whole body in memory. Rejects as `readBody`. */
export async function readWhole(request: FastifyRequest, limit: BodyLimit): Promise<Buffer> {
  const collected = new CollectedBytes();
  await readBody(request, limit, (piece) => collected.add(piece));
  return collected.join();
}

/** Counts the pieces of a body as they come. Throws `tooLarge` at once where its length says so; what it returns throws as `readBody` rejects. */
function countBody(
  { headers, raw, scope }: FastifyRequest,
  { maxBytes, tooLarge }: BodyLimit,
): (piece: Buffer) => void {
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  let length = 0;
  let turnsAt = TURN_BYTES;
  return (piece) => {
    length += piece.length;
    if (length > maxBytes) throw tooLarge();
    scope.received(piece.length);
    if (length < turnsAt) return;
    turnsAt = length + TURN_BYTES;
    giveOthersTheirTurn(raw);
  };
}

/** Pauses a body until everything else that is due has been done. */
function giveOthersTheirTurn(body: IncomingMessage): void {
  body.pause();
  setImmediate(() => body.resume());
}
