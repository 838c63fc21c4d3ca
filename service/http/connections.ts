import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../errors.js';
import { answerFor, problemOf } from './error-responses.js';

/** How long whoever was refused in mid-upload may go on sending: an end at once could cost them the answer. */
const LINGER_MS = 1_000;
/** How much of it is read and thrown away, so that most clients come to the end and to their answer. */
const LINGER_BYTES = 24 * 1024 * 1024;

/**
 * To be awaited before an answer goes out. Where the connection ends with it, a client that is still sending would be
 * cut off before it looks for the answer: its body is taken in first, within the same bounds.
 */
export async function takeInBodyBeforeClose(body: IncomingMessage): Promise<void> {
  const closes = /close/i.test(body.headers.connection ?? '') || body.httpVersion === '1.0';
  if (body.complete || !closes) return;
  throwAway(body);
  const enough = AbortSignal.timeout(LINGER_MS);
  await finished(body, { signal: enough, writable: false }).catch(() => undefined);
}

/** Nobody will use the rest of a body whose request has been answered. */
export function endUnreadBody(body: IncomingMessage): void {
  if (body.complete) return;
  throwAway(body);
  setTimeout(() => body.complete || body.destroy(), LINGER_MS).unref();
}

function throwAway(body: IncomingMessage): void {
  body.unpipe();
  let bytes = 0;
  body.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > LINGER_BYTES) body.pause();
  });
  body.resume();
}

/** Connections that have not sent a request count as busy for Node: without this they would hold up the end. */
export function endConnectionsOnClose(server: FastifyInstance): void {
  let requests = 0;
  let isClosing = false;
  const endWhenQuiet = (): void => {
    if (!isClosing || requests > 0) return;
    if (server.server.listening) setImmediate(endWhenQuiet);
    else server.server.closeAllConnections();
  };
  server.addHook('onRequest', async (_request, reply) => {
    requests += 1;
    reply.raw.once('close', () => {
      requests -= 1;
      endWhenQuiet();
    });
  });
  server.addHook('preClose', async () => {
    isClosing = true;
    endWhenQuiet();
  });
}

/** Answers what Node's HTTP parser refuses, before there is a request. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const fault = isSlow
    ? new ServiceError('REQUEST_TIMEOUT', 'The request did not arrive in time.')
    : new ServiceError('REQUEST_INVALID', 'The bytes are not a valid HTTP/1.1 request.');
  const answer = answerFor(fault);
  const body = JSON.stringify(problemOf(answer, randomUUID()));
  socket.end(
    `HTTP/1.1 ${answer.status} ${answer.title}\r\nconnection: close\r\ncontent-type: application/problem+json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
