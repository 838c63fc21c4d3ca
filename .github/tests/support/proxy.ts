import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What a proxy does to the service behind it. */
export interface Fault {
  readonly delayMs?: number;
  /** Every so many-th prediction is answered 502 instead. */
  readonly failEvery?: number;
  /** Every so many-th prediction says something else than the service did. */
  readonly lieEvery?: number;
}

export interface Proxy {
  readonly url: string;
  close(): void;
}

/** The service, made worse. */
export async function startProxy(target: string, fault: Fault): Promise<Proxy> {
  let predictions = 0;
  const server = createServer(async (incoming, outgoing) => {
    const body = await bytesOf(incoming);
    const nth = incoming.url === '/predict' ? ++predictions : 0;
    await sleep(fault.delayMs ?? 0);
    if (isHit(nth, fault.failEvery)) {
      outgoing.writeHead(502).end('bad gateway');
      return;
    }
    const answer = await forward(target, incoming, body);
    const text = isHit(nth, fault.lieEvery)
      ? answer.text.replace(/"label":"\d"/, '"label":"none"')
      : answer.text;
    const timing = answer.headers['server-timing'];
    outgoing.writeHead(answer.status, {
      'content-type': 'application/json',
      ...(timing !== undefined && { 'server-timing': timing }),
    });
    outgoing.end(text);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function isHit(nth: number, every: number | undefined): boolean {
  return every !== undefined && nth > 0 && nth % every === 0;
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function forward(
  target: string,
  { url = '', method = 'GET', headers }: IncomingMessage,
  body: Buffer,
): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
  const outgoing = request(target + url, {
    method,
    headers: { 'content-type': headers['content-type'] ?? '', 'content-length': body.byteLength },
  });
  outgoing.end(body);
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    text: (await bytesOf(answer)).toString(),
  };
}
