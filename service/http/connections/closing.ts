import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/** How long connections that have sent nothing yet may still take to send their first request. */
const FIRST_REQUEST_GRACE_MS = 1_000;
/** Without a new connection in so many turns of the event loop there is none that waits. */
const QUIET_TURNS = 3;

/**
 * Ends connections once all requests have been answered and none is expected any more. Those that have not sent a
 * request count as busy for Node, which would wait for them without end; they get some time for it.
 */
export function endConnectionsOnClose(server: FastifyInstance): void {
  const silent = new Set<Socket>();
  let taken = 0;
  let requests = 0;
  let isClosing = false;
  const endWhenQuiet = (): void => {
    if (!isClosing || requests > 0) return;
    if (server.server.listening) void setImmediate().then(endWhenQuiet);
    else if (silent.size === 0) server.server.closeAllConnections();
  };
  // What the kernel has accepted would be reset with the listener; the event loop takes one of them in a turn.
  const untilAllAreTaken = async (): Promise<void> => {
    const until = performance.now() + FIRST_REQUEST_GRACE_MS;
    for (let before = -1; before !== taken && performance.now() < until; ) {
      before = taken;
      for (let turn = 0; turn < QUIET_TURNS; turn++) await setImmediate();
    }
  };
  const endGrace = (): void => {
    silent.clear();
    endWhenQuiet();
  };
  server.server.on('connection', (socket) => {
    taken += 1;
    silent.add(socket);
    socket.once('close', () => {
      silent.delete(socket);
      endWhenQuiet();
    });
  });
  server.addHook('onRequest', (request, reply, next) => {
    silent.delete(request.raw.socket);
    requests += 1;
    reply.raw.once('close', () => {
      requests -= 1;
      endWhenQuiet();
    });
    next();
  });
  server.addHook('preClose', async () => {
    isClosing = true;
    await untilAllAreTaken();
    endWhenQuiet();
    setTimeout(endGrace, FIRST_REQUEST_GRACE_MS).unref();
  });
}
