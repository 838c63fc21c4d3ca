import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface OpenRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** The requests of each connection whose answers have not gone out yet, in the order in which they came. */
export class OpenRequests {
  readonly #bySocket = new WeakMap<Socket, Set<OpenRequest>>();

  constructor(server: Server) {
    server.prependListener('request', (request, response) => this.#add({ request, response }));
  }

  of(socket: Socket): readonly OpenRequest[] {
    return [...(this.#bySocket.get(socket) ?? [])];
  }

  #add(open: OpenRequest): void {
    const { socket } = open.request;
    const all = this.#bySocket.get(socket) ?? new Set();
    this.#bySocket.set(socket, all.add(open));
    open.response.once('close', () => all.delete(open));
  }
}
