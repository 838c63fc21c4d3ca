import type { Server } from 'node:http';
import type { OpenRequests } from './open-requests.js';

/**
 * When a client has ended its side and still has no answer, it is written to, twice: one that is gone altogether answers
 * the first with a reset, which the second finds.
 */
const PROBES_AFTER_MS = [100, 200];

/**
 * Lets clients end their side of a connection after a request and still get its answer. Whether they have merely done
 * that or have left shows only when something is sent to them: an interim response (RFC 9110, 15.2.1), which every
 * client of HTTP/1.1 passes over. Those of HTTP/1.0 do not know it, and are served as if they had stayed.
 */
export function answerHalfClosed(server: Server, open: OpenRequests): void {
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connection', (socket) => {
    socket.once('end', () => {
      for (const ms of PROBES_AFTER_MS) setTimeout(() => probe(open.of(socket)[0]), ms).unref();
    });
  });
}

function probe(next: ReturnType<OpenRequests['of']>[number] | undefined): void {
  if (next === undefined || next.request.httpVersion === '1.0' || next.response.headersSent) return;
  next.response.writeContinue();
}
