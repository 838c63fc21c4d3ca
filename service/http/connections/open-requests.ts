import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that a client may send ahead. Node reads as many as fit into 64 KB before an answer holds it up. */
const MAX_PIPELINED = 32;

export interface OpenRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * The requests of each connection whose answers have not gone out yet, in the order in which they came. They are handled
 * one after the other: whoever sends many ahead, or does not read the answers, gets no more work done than others. What
 * comes beyond MAX_PIPELINED is not looked at: the connection ends after the answers to those before it, as HTTP/1.1
 * allows (RFC 9112, 9.3.2).
 */
export class OpenRequests {
  readonly #handlers: readonly RequestListener[];
  readonly #bySocket = new WeakMap<Socket, OpenRequest[]>();
  readonly #ending = new WeakSet<Socket>();

  /** Comes before the listeners that the server has already. */
  constructor(server: Server) {
    this.#handlers = server.listeners('request') as RequestListener[];
    server.removeAllListeners('request');
    server.on('request', (request, response) => this.#take({ request, response }));
  }

  of(socket: Socket): readonly OpenRequest[] {
    return [...(this.#bySocket.get(socket) ?? [])];
  }

  #take(open: OpenRequest): void {
    const { socket } = open.request;
    const queue = this.#bySocket.get(socket) ?? [];
    this.#bySocket.set(socket, queue);
    if (queue.length === MAX_PIPELINED && !this.#ending.has(socket)) this.#endAfterAnswers(socket);
    if (this.#ending.has(socket)) {
      forget(open.request);
    } else {
      queue.push(open);
      if (queue.length === 1) this.#handle(open, queue);
    }
  }

  #handle({ request, response }: OpenRequest, queue: OpenRequest[]): void {
    response.once('close', () => {
      queue.shift();
      // Not at once: those on other connections have their turn.
      if (queue.length > 0) setImmediate(() => this.#handleNext(request.socket, queue));
      else if (this.#ending.has(request.socket)) request.socket.destroySoon();
    });
    for (const handle of this.#handlers) handle(request, response);
  }

  #handleNext(socket: Socket, queue: OpenRequest[]): void {
    const [next] = queue;
    if (next !== undefined && !socket.destroyed) this.#handle(next, queue);
  }

  #endAfterAnswers(socket: Socket): void {
    this.#ending.add(socket);
    socket.pause();
    closeWithoutStacks(socket);
  }
}

/** Nothing of a request that nobody looks at is to be ended with its connection: thousands fit into one write. */
function forget(request: IncomingMessage): void {
  request.destroy = () => request;
}

/** When a connection closes, Node makes an error for each of its requests: 20 us with the text of its stack, 1 without. */
function closeWithoutStacks(socket: Socket): void {
  const limit = Error.stackTraceLimit;
  socket.prependOnceListener('close', () => {
    Error.stackTraceLimit = 0;
  });
  socket.once('close', () => {
    Error.stackTraceLimit = limit;
  });
}
