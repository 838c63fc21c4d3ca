import { type Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Target } from './attack.js';

export interface Exchange {
  readonly method?: string;
  /** Sent as it is. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: Uint8Array;
  /** Without one, a connection of its own. */
  readonly agent?: Agent;
}

/** Beyond every deadline of the service. */
const PATIENCE_MS = 20_000;

/** One well-formed request, and what came of it: "200", "429 OVERLOADED", "ECONNRESET", "unanswered"; "stopped" at the signal. */
export function exchange(target: Target, given: Exchange, signal: AbortSignal): Promise<string> {
  if (signal.aborted) return Promise.resolve('stopped');
  return new Promise((resolve) => {
    const sent = open(target, given, signal);
    const onError = (error: NodeJS.ErrnoException): void => {
      resolve(signal.aborted ? 'stopped' : (error.code ?? error.message));
    };
    sent.once('response', (answer) => resolve(outcomeOf(answer).catch(() => 'answer cut short')));
    sent.once('timeout', () => sent.destroy(Object.assign(new Error('unanswered'), { code: 'unanswered' })));
    // Whoever is refused in mid-upload gets an answer, and an error for what was still to be sent.
    sent.on('error', onError);
    sent.end(given.body);
  });
}

function open(target: Target, given: Exchange, signal: AbortSignal): ClientRequest {
  const { hostname, port } = new URL(target.url);
  const { method = given.body === undefined ? 'GET' : 'POST', path, headers = {}, agent = false } = given;
  return request({ hostname, port, method, path, headers, agent, signal, timeout: PATIENCE_MS });
}

async function outcomeOf(answer: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  const code = /"code":"([A-Z_]+)"/.exec(Buffer.concat(pieces).subarray(0, 4096).toString('latin1'))?.[1];
  return answer.statusCode !== 200 && code !== undefined
    ? `${answer.statusCode} ${code}`
    : `${answer.statusCode}`;
}
