import { multipart, plainPng } from '../../support/images.js';
import { head, wholeRequest } from '../../support/raw-connection.js';
import { type Attack, pause, repeat, Tally, type Target } from './attack.js';
import { type AttackSocket, withSockets } from './sockets.js';

const CONNECTIONS = 64;
const IMAGES_PER_BATCH = 32;
const INTERVAL_MS = 500;

/** Keeps so many connections, each of which sends again and again, and never reads. */
export async function askWithoutReading(
  connections: number,
  requests: readonly (string | Uint8Array)[],
  target: Target,
  signal: AbortSignal,
): Promise<Tally> {
  const tally = new Tally();
  await withSockets(target, signal, async (sockets) => {
    await repeat(connections, signal, async (client) => {
      const socket = await sockets.open({ reads: false });
      if (socket !== undefined) await askOn(socket, requests[client % requests.length] ?? '', signal);
      tally.add(signal.aborted ? 'kept to the end' : (socket?.outcome ?? 'not connected'));
    });
  });
  return tally;
}

async function askOn(socket: AttackSocket, request: string | Uint8Array, signal: AbortSignal): Promise<void> {
  while (!socket.isOver && !signal.aborted) {
    await socket.write(request, signal);
    await pause(INTERVAL_MS, signal);
  }
  socket.reset();
}

async function batch(): Promise<Buffer> {
  const bytes = await plainPng({ r: 1, g: 2, b: 3 });
  const { payload, headers } = multipart(
    Array.from({ length: IMAGES_PER_BATCH }, () => ({ field: 'files', bytes })),
  );
  return wholeRequest('/predict/batch?top_k=1000', payload, headers);
}

export const unreadAnswers: Attack = {
  name: 'unread-answers',
  what: '64 connections that ask for a page of 1.5 MB, or a batch, twice a second, and never read an answer',
  run: async (target, signal) => {
    const page = head('GET', '/docs/static/swagger-ui-bundle.js');
    return askWithoutReading(CONNECTIONS, [page, await batch()], target, signal);
  },
};
