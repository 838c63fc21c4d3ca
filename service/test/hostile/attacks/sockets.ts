import { once, setMaxListeners } from 'node:events';
import { connect, type Socket } from 'node:net';
import { pause, type Target } from './attack.js';

/** Enough of what came last to find a status line that was cut in two. */
const TAIL_BYTES = 16;

/** A connection on which every byte is the attacker's. That the other side has gone is an outcome, not an error. */
export class AttackSocket {
  readonly #socket: Socket;
  readonly #statuses: string[] = [];
  #tail = '';
  #error: string | undefined;
  #isOver = false;

  /** @param reads whether it takes in what the service sends; where not, it never will */
  constructor(socket: Socket, reads: boolean) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message;
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#isOver = true;
      });
    }
    if (reads) socket.on('data', (piece) => this.#take(piece.toString('latin1')));
  }

  /** Whether the service has ended it, or it is lost. One that does not read learns of a loss alone. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The statuses that came, or why none did. */
  get outcome(): string {
    if (this.#statuses.length > 0) return this.#statuses.join(' ');
    return this.#error ?? (this.#isOver ? 'ended' : 'unanswered');
  }

  /** Ends once the other side has room again, the connection is over, or the signal says so. */
  async write(data: string | Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#isOver || !this.#socket.writable || this.#socket.write(data)) return;
    await this.#until('drain', signal);
  }

  /** Waits for the end of the connection, for so long. */
  async over(patienceMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isOver) return;
    const patience = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
    await this.#until('end', patience);
  }

  /** Sends no more, and still reads. */
  halfClose(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #until(event: string, signal: AbortSignal): Promise<void> {
    const settled = new AbortController();
    const either = AbortSignal.any([signal, settled.signal]);
    const events = [event, 'close', 'error'].map((name) => once(this.#socket, name, { signal: either }));
    await Promise.race(events.map((each) => each.catch(() => undefined)));
    settled.abort();
  }

  #take(text: string): void {
    const seen = this.#tail + text;
    for (const [, status = ''] of seen.matchAll(/HTTP\/1\.1 (\d{3}) /g)) this.#statuses.push(status);
    this.#tail = seen.slice(-TAIL_BYTES).replace(/HTTP\/1\.1 \d{3} .*/s, '');
  }
}

/** The raw connections of one attack. */
export class Sockets {
  readonly #target: Target;
  readonly #signal: AbortSignal;
  readonly #open = new Set<Socket>();

  constructor(target: Target, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
    // One for each connection.
    setMaxListeners(0, signal);
  }

  /** Undefined where the service takes no connection, after a moment; and at the signal. */
  async open(options: { readonly reads: boolean } = { reads: true }): Promise<AttackSocket | undefined> {
    if (this.#signal.aborted) return undefined;
    const { hostname, port } = new URL(this.#target.url);
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    const opened = new AttackSocket(socket, options.reads);
    try {
      await once(socket, 'connect', { signal: this.#signal });
      return opened;
    } catch {
      socket.destroy();
      await pause(REOPEN_MS, this.#signal);
      return undefined;
    }
  }

  /** Resets what is still open. */
  async closeAll(): Promise<void> {
    const closed = [...this.#open].map((socket) => once(socket, 'close'));
    for (const socket of this.#open) socket.resetAndDestroy();
    await Promise.all(closed.map((each) => each.catch(() => undefined)));
  }
}

/** So that a service that takes no connections is not asked thousands of times a second. */
const REOPEN_MS = 100;

/** Does something with raw connections, and leaves none. */
export async function withSockets(
  target: Target,
  signal: AbortSignal,
  attack: (sockets: Sockets) => Promise<void>,
): Promise<void> {
  const sockets = new Sockets(target, signal);
  try {
    await attack(sockets);
  } finally {
    await sockets.closeAll();
  }
}
