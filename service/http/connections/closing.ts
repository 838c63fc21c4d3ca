import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** How long connections that have sent nothing yet may still take to send their first request. */
const FIRST_REQUEST_GRACE_MS = 1_000;

/**
 * Ends connections once all requests have been answered and none is expected any more. Those that have not sent a
 * request count as busy for Node, which would wait for them without end; they get some time for it.
 */
export function endConnectionsOnClose(server: FastifyInstance): void {
  const silent = new Set<Socket>();
  let requests = 0;
  let isClosing = false;
  const endWhenQuiet = (): void => {
    if (!isClosing || requests > 0) return;
    if (server.server.listening) setImmediate(endWhenQuiet);
    else if (silent.size === 0) server.server.closeAllConnections();
  };
  const endGrace = (): void => {
    silent.clear();
    endWhenQuiet();
  };
  server.server.on('connection', (socket) => {
    silent.add(socket);
    socket.once('close', () => {
      silent.delete(socket);
      endWhenQuiet();
    });
  });
  server.addHook('onRequest', async (request, reply) => {
    silent.delete(request.raw.socket);
    requests += 1;
    reply.raw.once('close', () => {
      requests -= 1;
      endWhenQuiet();
    });
  });
  server.addHook('preClose', async () => {
    isClosing = true;
    endWhenQuiet();
    setTimeout(endGrace, FIRST_REQUEST_GRACE_MS).unref();
  });
}
