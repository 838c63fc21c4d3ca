import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { ServiceError } from '../errors.js';
import { answerFor, problemOf } from './error-responses.js';

/** How long whoever was refused in mid-upload may go on sending: an end at once could cost them the answer. */
const LINGER_MS = 1_000;
/** How much of it is read and thrown away, so that most clients come to the end and to their answer. */
const LINGER_BYTES = 24 * 1024 * 1024;

/** Nobody will use the rest of a body whose request has been answered. */
export function endUnreadBody(body: IncomingMessage): void {
  if (body.complete) return;
  body.unpipe();
  let thrownAway = 0;
  body.on('data', (chunk: Buffer) => {
    thrownAway += chunk.length;
    if (thrownAway > LINGER_BYTES) body.pause();
  });
  body.resume();
  setTimeout(() => body.complete || body.destroy(), LINGER_MS).unref();
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
