import { chunk, head, wholeRequest } from '../../support/raw-connection.js';
import { type Attack, inTurn, repeat, Tally } from './attack.js';
import { type AttackSocket, withSockets } from './sockets.js';

const CONNECTIONS = 16;
const PATIENCE_MS = 1500;
const GET = head('GET', '/health');
/** Begins like a PNG. */
const IMAGE = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(5000)]);

type Write = (socket: AttackSocket, signal: AbortSignal) => Promise<void>;

const sends =
  (...pieces: readonly (string | Uint8Array)[]): Write =>
  async (socket, signal) => {
    for (const piece of pieces) await socket.write(piece, signal);
  };

const oneByteChunks: Write = async (socket, signal) => {
  await socket.write(
    head('POST', '/predict', { 'content-type': 'image/png', 'transfer-encoding': 'chunked' }),
    signal,
  );
  await socket.write(Buffer.concat(Array<Buffer>(20_000).fill(chunk('a'))), signal);
  await socket.write('0\r\n\r\n', signal);
};

const halfCloses: Write = async (socket, signal) => {
  await socket.write(wholeRequest('/predict', IMAGE), signal);
  socket.halfClose();
};

const halfClosesInMidBody: Write = async (socket, signal) => {
  await socket.write(head('POST', '/predict', { 'content-length': 10_000 }) + 'x'.repeat(5000), signal);
  socket.halfClose();
};

const resetsInMidBody: Write = async (socket, signal) => {
  await socket.write(head('POST', '/predict/batch', { 'content-length': 10_000_000 }), signal);
  await socket.write(Buffer.alloc(300_000), signal);
  socket.reset();
};

const resetsAfterTheRequest: Write = async (socket, signal) => {
  await socket.write(wholeRequest('/predict', IMAGE), signal);
  socket.reset();
};

/** What no well-made client sends. */
export const RUBBISH: readonly { readonly name: string; readonly write: Write }[] = [
  { name: 'nothing, and goes', write: async (socket) => socket.destroy() },
  { name: 'a greeting', write: sends('EHLO there\r\n\r\n') },
  { name: 'a TLS handshake', write: sends(Buffer.from('16030100c8010000c40303', 'hex')) },
  { name: 'zeros', write: sends(Buffer.alloc(100_000)) },
  { name: 'HTTP/2 without asking', write: sends('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') },
  {
    name: 'requests, then rubbish',
    write: sends(GET, wholeRequest('/predict', IMAGE), '\0\0rubbish\r\n\r\n'),
  },
  { name: 'hundreds of requests at once', write: sends(GET.repeat(200)) },
  { name: 'a head of 1 MB', write: sends(`GET /health HTTP/1.1\r\nx-long: ${'a'.repeat(1_000_000)}`) },
  { name: 'an address of 1 MB', write: sends(`GET /${'a'.repeat(1_000_000)} HTTP/1.1\r\nhost: x\r\n\r\n`) },
  { name: 'thousands of headers', write: sends(`GET /health HTTP/1.1\r\n${'a: b\r\n'.repeat(3000)}\r\n`) },
  { name: 'a method that is none', write: sends('BREW /predict HTTP/1.1\r\nhost: x\r\n\r\n') },
  { name: 'two hosts', write: sends('GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n') },
  { name: 'no host', write: sends('GET /health HTTP/1.1\r\n\r\n') },
  { name: 'a version of the future', write: sends('GET /health HTTP/9.9\r\nhost: x\r\n\r\n') },
  {
    name: 'an expectation of its own',
    write: sends(head('POST', '/predict', { expect: 'miracles', 'content-length': 5 })),
  },
  {
    name: '100-continue, and nothing',
    write: sends(head('POST', '/predict', { expect: '100-continue', 'content-length': 5_000_000 })),
  },
  {
    name: 'an upgrade',
    write: sends(head('GET', '/health', { connection: 'upgrade', upgrade: 'websocket' })),
  },
  { name: 'a tunnel', write: sends('CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: x\r\n\r\n') },
  {
    name: 'a length and chunks',
    write: sends(
      head('POST', '/predict', { 'content-length': 5, 'transfer-encoding': 'chunked' }),
      '0\r\n\r\n',
    ),
  },
  {
    name: 'a chunk larger than numbers',
    write: sends(head('POST', '/predict', { 'transfer-encoding': 'chunked' }), `${'f'.repeat(40)}\r\n`),
  },
  {
    name: 'a chunk extension of 1 MB',
    write: sends(
      head('POST', '/predict', { 'transfer-encoding': 'chunked' }),
      `5;${'x'.repeat(1_000_000)}\r\nhello\r\n`,
    ),
  },
  { name: 'chunks of one byte', write: oneByteChunks },
  { name: 'a request, and half closes', write: halfCloses },
  { name: 'half a body, and half closes', write: halfClosesInMidBody },
  { name: 'a part of a body, and resets', write: resetsInMidBody },
  { name: 'a request, and resets', write: resetsAfterTheRequest },
];

export const rubbish: Attack = {
  name: 'rubbish',
  what: 'broken HTTP of 26 kinds, half-closes, resets in mid-body, connections for nothing',
  async run(target, signal) {
    const tally = new Tally();
    await withSockets(target, signal, async (sockets) => {
      await repeat(CONNECTIONS, signal, async (client, round) => {
        const socket = await sockets.open();
        if (socket === undefined) return;
        await inTurn(RUBBISH, client, round).write(socket, signal);
        await socket.over(PATIENCE_MS, signal);
        tally.add(socket.outcome.slice(0, 11));
        socket.destroy();
      });
    });
    return tally;
  },
};
