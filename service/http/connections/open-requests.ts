import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Requests of one connection that are answered before the next is looked at. Node reads as many as fit into 64 KB before
 * it lets the first answer hold it up; nobody who pipelines in earnest sends so many ahead.
 */
const MAX_PIPELINED = 32;

export interface OpenRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * The requests of each connection whose answers have not gone out yet, in the order in which they came. What comes beyond
 * MAX_PIPELINED is not looked at: the connection ends after the answers to those before it, as HTTP/1.1 allows
 * (RFC 9112, 9.3.2).
 */
export class OpenRequests {
  readonly #bySocket = new WeakMap<Socket, Set<OpenRequest>>();
  readonly #ending = new WeakSet<Socket>();

  /** Comes before the listeners that the server has already. */
  constructor(server: Server) {
    const handlers = server.listeners('request') as RequestListener[];
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      if (!this.#takes(request, response)) return;
      for (const handle of handlers) handle(request, response);
    });
  }

  of(socket: Socket): readonly OpenRequest[] {
    return [...(this.#bySocket.get(socket) ?? [])];
  }

  #takes(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    const open = this.#bySocket.get(socket) ?? new Set();
    this.#bySocket.set(socket, open);
    if (open.size >= MAX_PIPELINED) this.#endAfterAnswers(socket);
    if (this.#ending.has(socket)) return false;
    const one = { request, response };
    open.add(one);
    response.once('close', () => {
      open.delete(one);
      if (open.size === 0 && this.#ending.has(socket)) socket.destroySoon();
    });
    return true;
  }

  #endAfterAnswers(socket: Socket): void {
    this.#ending.add(socket);
    socket.pause();
  }
}
