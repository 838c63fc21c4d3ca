import * as http from 'node:http';
import * as https from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream';
import * as zlib from 'node:zlib';
import { guardedLookup } from './redirect-guard.js';

const IDENTITY = 'identity';
const DECODERS: ReadonlyMap<string, () => NodeJS.ReadWriteStream & Readable> = new Map([
  ['gzip', () => zlib.createGunzip()],
  ['x-gzip', () => zlib.createGunzip()],
  ['deflate', () => zlib.createInflate()],
  ['br', () => zlib.createBrotliDecompress()],
]);

/**
 * Requests over connections that are kept between them. Not `fetch`: that gives no say in what a name resolves to at
 * the moment of the connection.
 */
export class HttpClient {
  readonly #agents = new Map<string, http.Agent>();

  /**
   * Resolves with the head of the answer, whatever its status; redirects are not followed.
   * @param isRedirected whether a server chose this URL: then its addresses are checked
   */
  request(
    method: 'GET' | 'HEAD',
    url: URL,
    headers: http.OutgoingHttpHeaders,
    isRedirected: boolean,
    signal: AbortSignal,
  ): Promise<http.IncomingMessage> {
    const { request } = url.protocol === 'https:' ? https : http;
    const agent = this.#agentFor(url.protocol, isRedirected);
    return new Promise((resolve, reject) => {
      request(url, {
        method,
        headers: { 'accept-encoding': IDENTITY, 'user-agent': 'cv-inference', ...headers },
        agent,
        signal,
      })
        .on('response', resolve)
        .on('error', reject)
        .end();
    });
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  /** Each kind has connections of its own: one that was opened unchecked is not used for a redirect. */
  #agentFor(protocol: string, isRedirected: boolean): http.Agent {
    const key = `${protocol} ${isRedirected}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const options = { keepAlive: true, ...(isRedirected && { lookup: guardedLookup }) };
    const agent = protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
    this.#agents.set(key, agent);
    return agent;
  }
}

function encodingOf({ headers }: http.IncomingMessage): string {
  return headers['content-encoding']?.trim().toLowerCase() ?? IDENTITY;
}

/** The body as it was before a server compressed it, which it should not have. */
export function bodyOf(response: http.IncomingMessage): Readable {
  const decoder = DECODERS.get(encodingOf(response))?.();
  if (decoder === undefined) return response;
  pipeline(response, decoder, () => {});
  return decoder;
}

/** Bytes of the body, where they are known: of what was compressed they are not. */
export function lengthOf(response: http.IncomingMessage): number | undefined {
  const length = response.headers['content-length'];
  return length === undefined || encodingOf(response) !== IDENTITY ? undefined : Number(length);
}
