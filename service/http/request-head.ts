import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { ServiceError } from '../errors.js';

/** What a request says of itself before its body. */

/** Of ids that are taken over: they end up in logs, and in names of files. */
export const REQUEST_ID = '^[\\w.:/+=@-]{1,128}$';
const REQUEST_ID_PATTERN = new RegExp(REQUEST_ID);

/** The caller's own id where it is a sane one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID_PATTERN.test(given) ? given : randomUUID();
}

export function apiKeyOf({ headers }: FastifyRequest): string | undefined {
  const bearer = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const header = headers['x-api-key'];
  return bearer ?? (typeof header === 'string' && header !== '' ? header : undefined);
}

/**
 * How long a request may take, milliseconds: the server's own deadline, which the client's header can only lower.
 * Throws REQUEST_INVALID where that header is no number.
 */
export function budgetMsOf({ headers }: FastifyRequest, timeoutMs: number): number {
  const header = headers['x-request-timeout-ms'];
  if (header === undefined) return timeoutMs;
  const value = Number(header);
  if (Number.isInteger(value) && value >= 1) return Math.min(timeoutMs, value);
  throw new ServiceError(
    'REQUEST_INVALID',
    'The header x-request-timeout-ms must be a whole number of milliseconds, at least 1.',
  );
}

/**
 * Throws REQUEST_INVALID where HTTP/1.1 wants one Host and there is none, or more (RFC 9112, 3.2), and EXPECTATION_FAILED
 * where something else than 100-continue is expected (RFC 9110, 10.1.1).
 */
export function checkHead({ headers, httpVersion, rawHeaders }: IncomingMessage): void {
  if (httpVersion === '1.0') return;
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts !== 1) {
    const found = hosts === 0 ? 'none' : String(hosts);
    throw new ServiceError('REQUEST_INVALID', `A request has one Host header; this one has ${found}.`);
  }
  if (headers.expect !== undefined && !/^100-continue$/i.test(headers.expect)) {
    throw new ServiceError('EXPECTATION_FAILED', 'Nothing but 100-continue can be expected.');
  }
}
