import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.js';

/** The keys that open the API, kept only as digests. Several at once let them be rotated. */
export class ApiKeys {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  get required(): boolean {
    return this.#digests.length > 0;
  }

  /** Throws UNAUTHORIZED unless the request carries one of the keys. Takes as long for a near miss as for any other. */
  check(request: FastifyRequest): void {
    if (!this.required) return;
    const given = keyOf(request);
    if (given === undefined) {
      throw new ServiceError(
        'UNAUTHORIZED',
        'An API key is needed: Authorization: Bearer <key> or X-API-Key: <key>.',
      );
    }
    const candidate = digest(given);
    let known = false;
    for (const expected of this.#digests) known = timingSafeEqual(expected, candidate) || known;
    if (!known) throw new ServiceError('UNAUTHORIZED', 'The API key is not known here.');
  }

  /** Who a rate limit counts: the key where keys are checked, else the address. Never shows the key itself. */
  clientOf(request: FastifyRequest): string {
    const key = this.required ? keyOf(request) : undefined;
    return key === undefined ? request.ip : digest(key).toString('base64url');
  }
}

function keyOf(request: FastifyRequest): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const header = request.headers['x-api-key'];
  return bearer ?? (typeof header === 'string' && header !== '' ? header : undefined);
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
