import { type Agent, request } from 'node:http';

export interface HonestRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Without one it is a GET. */
  readonly body?: Uint8Array;
}

export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export interface SendOptions {
  /** From the start to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Without one, a connection of its own. */
  readonly agent?: Agent;
}

/** Sends a request and takes in the whole answer. Rejects with the socket's error, or "timeout". */
export function send(url: string, given: HonestRequest, options: SendOptions): Promise<Received> {
  const { hostname, port } = new URL(url);
  const { path, headers, body } = given;
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const sent = request(
      { hostname, port, method, path, headers, agent: options.agent ?? false },
      (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('error', fail);
        answer.on('end', () => {
          clearTimeout(timer);
          const text = Buffer.concat(pieces).toString('utf8');
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text });
        });
      },
    );
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    const timer = setTimeout(() => sent.destroy(new Error('timeout')), options.timeoutMs);
    sent.on('error', fail);
    sent.end(body);
  });
}
