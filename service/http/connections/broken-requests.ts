import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { METHODS } from 'node:http';
import type { Socket } from 'node:net';
import { ServiceError } from '../../errors.js';
import { answerFor, problemOf } from '../error-responses.js';
import type { OpenRequests } from './open-requests.js';
import { LINGER_MS } from './unread-body.js';

/** What Node says of bytes that are no request. */
export interface ParserError {
  readonly code?: string | undefined;
  /** A buffer, whatever the types of the framework say. */
  readonly rawPacket?: unknown;
}

/** What a request by this method, which Node does not know, is refused with, and the methods that are taken there. */
export type RefuseMethod = (
  method: string,
  path: string,
) => { readonly error: ServiceError; readonly allow: string | undefined };

const REQUEST_LINE = /^([A-Z-]{1,32}) ([^ ]+) HTTP\/1\.[01]\r\n/;
const GONE: ReadonlySet<string | undefined> = new Set(['ECONNRESET', 'EPIPE']);

/**
 * Answers what Node's HTTP parser refuses, before there is a request; after the answers to the whole requests that came
 * before it on the same connection.
 */
export async function answerBrokenRequest(
  error: ParserError,
  socket: Socket,
  open: OpenRequests,
  refuseMethod: RefuseMethod,
): Promise<void> {
  if (GONE.has(error.code) || !socket.writable) return void socket.destroy();
  const requests = open.of(socket);
  const current = requests.find(({ request }) => !request.complete);
  await Promise.all(
    requests
      .filter((one) => one !== current)
      .map(({ response }) => (response.closed ? undefined : once(response, 'close'))),
  );
  if (current?.response.headersSent === true) socket.end();
  else socket.end(rawAnswer(faultOf(error, refuseMethod)));
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

function faultOf({ code, rawPacket }: ParserError, refuseMethod: RefuseMethod): ReturnType<RefuseMethod> {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return fault(new ServiceError('REQUEST_TIMEOUT', 'The request did not arrive in time.'));
  const [, method, target] =
    REQUEST_LINE.exec(Buffer.isBuffer(rawPacket) ? rawPacket.toString('latin1', 0, 4096) : '') ?? [];
  const isUnknown = method !== undefined && !METHODS.includes(method);
  if (code === 'HPE_INVALID_METHOD' && isUnknown && target !== undefined)
    return refuseMethod(method, target.split('?', 1)[0] ?? '');
  return fault(new ServiceError('REQUEST_INVALID', 'The bytes are not a valid HTTP/1.1 request.'));
}

function fault(error: ServiceError): ReturnType<RefuseMethod> {
  return { error, allow: undefined };
}

function rawAnswer({ error, allow }: ReturnType<RefuseMethod>): string {
  const answer = answerFor(error);
  const requestId = randomUUID();
  const body = JSON.stringify(problemOf(answer, requestId));
  return (
    `HTTP/1.1 ${answer.status} ${answer.title}\r\nconnection: close\r\nx-request-id: ${requestId}\r\n` +
    (allow === undefined ? '' : `allow: ${allow}\r\n`) +
    `content-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
