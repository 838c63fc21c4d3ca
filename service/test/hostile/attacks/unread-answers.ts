import { multipart, plainPng } from '../../support/images.js';
import { head, wholeRequest } from '../../support/raw-connection.js';
import { type Attack, pause, repeat, Tally } from './attack.js';
import { type AttackSocket, withSockets } from './sockets.js';

const CONNECTIONS = 32;
const IMAGES_PER_BATCH = 32;
/** As much as one write asks for: some MB of answers, more than the kernel keeps for a reader. */
const PAGES_PER_WRITE = 200;
const BATCHES_PER_WRITE = 4;
const WRITE_INTERVAL_MS = 500;

function pages(): Buffer {
  const one = ['/openapi.json', '/metrics', '/docs/static/swagger-ui-bundle.js'].map((path) =>
    head('GET', path),
  );
  return Buffer.from(one.join('').repeat(PAGES_PER_WRITE));
}

async function batches(): Promise<Buffer> {
  const bytes = await plainPng({ r: 1, g: 2, b: 3 });
  const { payload, headers } = multipart(
    Array.from({ length: IMAGES_PER_BATCH }, () => ({ field: 'files', bytes })),
  );
  const one = wholeRequest('/predict/batch?top_k=1000', payload, headers);
  return Buffer.concat(Array<Buffer>(BATCHES_PER_WRITE).fill(one));
}

export const unreadAnswers: Attack = {
  name: 'unread-answers',
  what: '32 connections that ask for pages and batches one after another, and never read an answer',
  async run(target, signal) {
    const tally = new Tally();
    const asked = [pages(), await batches()];
    await withSockets(target, signal, async (sockets) => {
      await repeat(CONNECTIONS, signal, async (client) => {
        const socket = await sockets.open({ reads: false });
        if (socket !== undefined) await askOn(socket, asked[client % 2] ?? '', signal);
        if (!signal.aborted) tally.add(socket === undefined ? 'refused' : socket.outcome);
      });
      tally.add('kept to the end', CONNECTIONS);
    });
    return tally;
  },
};

async function askOn(socket: AttackSocket, request: string | Uint8Array, signal: AbortSignal): Promise<void> {
  while (!socket.isOver && !signal.aborted) {
    await socket.write(request, signal);
    await pause(WRITE_INTERVAL_MS, signal);
  }
  socket.reset();
}
