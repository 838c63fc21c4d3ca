import type { FastifyRequest } from 'fastify';
import { messageOf, ServiceError } from '../errors.js';
import { CollectedBytes } from './collected-bytes.js';
import { brokenOff } from './input-errors.js';

/** The text, what is parsed of it, and what its base64 says. */
const JSON_COPIES = 3;

/**
 * Reads a body that may lie about its length. Throws `tooLarge` past the limit, OVERLOADED where all bodies together take
 * too much memory, and the signal's reason once that aborts.
 * @param copies how many times its bytes will be held
 */
export function readBounded(
  request: FastifyRequest,
  maxBytes: number,
  tooLarge: () => ServiceError,
  signal: AbortSignal,
  copies = 1,
): Promise<Buffer> {
  const { raw } = request;
  const count = countBody(request, maxBytes, tooLarge, copies);
  if (declaredBytes(request) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const collected = new CollectedBytes();
    const settle = (act: () => void): void => {
      raw.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      act();
    };
    const onData = (chunk: Buffer): void => {
      try {
        count(chunk);
        collected.add(chunk);
      } catch (error) {
        settle(() => reject(error));
      }
    };
    const onEnd = (): void => settle(() => resolve(collected.join()));
    const onError = (error: unknown): void => settle(() => reject(brokenOff(error)));
    const onClose = (): void => settle(() => reject(brokenOff(undefined)));
    const onAbort = (): void => settle(() => reject(signal.reason));
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    raw.on('data', onData).on('end', onEnd).on('error', onError).on('close', onClose);
  });
}

/**
 * Counts the pieces of a body as they come. What it returns throws `tooLarge` past the limit, and OVERLOADED where all
 * bodies together take too much memory.
 */
export function countBody(
  request: FastifyRequest,
  maxBytes: number,
  tooLarge: () => ServiceError,
  copies = 1,
): (piece: Buffer) => void {
  let length = 0;
  return (piece) => {
    length += piece.length;
    if (length > maxBytes) throw tooLarge();
    request.scope.takeIn(piece.length * copies);
  };
}

export function declaredBytes(request: FastifyRequest): number {
  return Number(request.headers['content-length'] ?? 0);
}

export async function readJson(
  request: FastifyRequest,
  maxBytes: number,
  tooLarge: () => ServiceError,
  signal: AbortSignal,
): Promise<unknown> {
  // No name for the bytes, which are not needed beside their text.
  const text = (await readBounded(request, maxBytes, tooLarge, signal, JSON_COPIES)).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ServiceError('REQUEST_INVALID', `The body is not JSON: ${messageOf(error).slice(0, 100)}.`);
  }
}
