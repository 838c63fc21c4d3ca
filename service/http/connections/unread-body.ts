import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** How long whoever was answered in mid-upload may go on sending: an end at once could cost them the answer. */
export const LINGER_MS = 1_000;
/** How much of it is read and thrown away, so that most clients come to the end and to their answer. */
const LINGER_BYTES = 24 * 1024 * 1024;
/** A body up to this is taken in to its end for the connection to be used again; beyond it a new one costs less. */
const SMALL_BODY_BYTES = 1024 * 1024;

/** Whether a connection has to end with an answer that goes out now, since too much of the body is still to come. */
export function isLeftUnread(body: IncomingMessage): boolean {
  return (
    !body.complete && Number(body.headers['content-length'] ?? Number.POSITIVE_INFINITY) > SMALL_BODY_BYTES
  );
}

/**
 * To be called before an answer goes out. Nobody will use the rest of its request's body: once the answer is out, that is
 * read and thrown away, for a while. Where the connection ends with the answer, a client that is still sending would be
 * cut off before it looks for it: our side ends at once, the other when the body is over (RFC 9112, 9.6).
 */
export function endUnreadBody(body: IncomingMessage, response: ServerResponse): void {
  if (body.complete) return;
  endInTwoSteps(body);
  response.once('finish', () => {
    throwAway(body);
    setTimeout(() => body.readableEnded || body.destroy(), LINGER_MS).unref();
  });
}

function endInTwoSteps(body: IncomingMessage): void {
  const { socket } = body;
  // What Node calls after the last answer of a connection.
  socket.destroySoon = () => {
    if (body.readableEnded) return Socket.prototype.destroySoon.call(socket);
    socket.end();
    body.once('end', () => socket.destroySoon());
  };
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
