import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Answer } from './answers.js';

export interface ReceiveOptions {
  /** An answer to HEAD has a length but no body. */
  readonly toHead?: boolean;
}

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Where the body begins. */
  readonly end: number;
}

/** A connection on which every byte is the test's own. */
export class RawConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #isOver = false;
  #onChange: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#onChange?.();
    });
    const over = (): void => {
      this.#isOver = true;
      this.#onChange?.();
    };
    // A server that hangs up on whoever still sends is seen as ECONNRESET or EPIPE.
    socket.on('end', over).on('close', over).on('error', over);
  }

  /** @param url as the service logs it, or `unix:` and the path of a socket, for which the kernel keeps little */
  static async open(url: string): Promise<RawConnection> {
    const { protocol, hostname, port, pathname } = new URL(url);
    const address = protocol === 'unix:' ? { path: pathname } : { host: hostname, port: Number(port) };
    const socket = connect({ ...address, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Whether the server has ended its side or the connection is lost. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isDestroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** Waits, where the other side does not keep up, until it does or the connection is over. */
  async write(data: string | Uint8Array): Promise<void> {
    if (this.#socket.destroyed || !this.#socket.writable || this.#socket.write(data)) return;
    const settled = new AbortController();
    const events = ['drain', 'close', 'error'].map((name) =>
      once(this.#socket, name, { signal: settled.signal }),
    );
    await Promise.race(events.map((event) => event.catch(() => {})));
    settled.abort();
  }

  /** The next answer, interim ones (1xx) included. Rejects when the connection is over before it is complete. */
  async receive(options: ReceiveOptions = {}): Promise<Answer> {
    for (;;) {
      const head = readHead(this.#received);
      const body = head === undefined ? undefined : readBody(head, this.#received, options, this.#isOver);
      if (head !== undefined && body !== undefined) {
        this.#received = this.#received.subarray(body.end);
        return { status: head.status, headers: head.headers, text: body.text };
      }
      if (this.#isOver) throw new Error(`the connection ended after: ${this.#received.toString('latin1')}`);
      await this.#change();
    }
  }

  /** Waits until the server has ended the connection. */
  async over(): Promise<void> {
    while (!this.#isOver) await this.#change();
  }

  /** From here on nothing is read, but what the kernel takes by itself. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Says that nothing more will be sent, and still listens. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Goes away with a reset instead of a farewell. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = resolve;
    });
  }
}

function readHead(received: Buffer): Head | undefined {
  const blank = received.indexOf('\r\n\r\n');
  if (blank === -1) return undefined;
  const [statusLine = '', ...lines] = received.subarray(0, blank).toString('latin1').split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`this is no status line: ${statusLine}`);
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status, headers: Object.fromEntries(headers), end: blank + 4 };
}

/** Undefined while it is incomplete. */
function readBody(
  head: Head,
  received: Buffer,
  options: ReceiveOptions,
  isOver: boolean,
): { text: string; end: number } | undefined {
  if (options.toHead || head.status < 200 || head.status === 204 || head.status === 304) {
    return { text: '', end: head.end };
  }
  if (head.headers['transfer-encoding'] === 'chunked') return readChunks(received, head.end);
  const length = head.headers['content-length'];
  if (length === undefined && !isOver) return undefined;
  const end = length === undefined ? received.length : head.end + Number(length);
  return received.length < end ? undefined : { text: received.subarray(head.end, end).toString('utf8'), end };
}

function readChunks(received: Buffer, start: number): { text: string; end: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = start; ; ) {
    const lineEnd = received.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(received.subarray(at, lineEnd).toString('latin1'), 16);
    const next = lineEnd + 2 + size + 2;
    if (received.length < next) return undefined;
    if (size === 0) return { text: Buffer.concat(chunks).toString('utf8'), end: next };
    chunks.push(received.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}

/** The text of a request's head. */
export function head(
  method: string,
  target: string,
  headers: Readonly<Record<string, string | number>> = {},
): string {
  const lines = Object.entries({ host: 'service', ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** A whole request with a body of known length. */
export function wholeRequest(
  target: string,
  body: Uint8Array,
  headers: Readonly<Record<string, string | number>> = {},
): Buffer {
  const text = head('POST', target, {
    'content-type': 'image/png',
    'content-length': body.length,
    ...headers,
  });
  return Buffer.concat([Buffer.from(text, 'latin1'), body]);
}

/** One chunk of a chunked body. */
export function chunk(data: string | Uint8Array): Buffer {
  const bytes = Buffer.from(data);
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}
