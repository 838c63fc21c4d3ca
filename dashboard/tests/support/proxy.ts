import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { ApiServerAccess } from './global-setup.js';

/** What stands between the dashboard and the API server, and breaks. What it passes on is the real server's. */
export class BreakingProxy {
  /** Paths that were asked for, with their queries. */
  readonly requests: string[] = [];
  /** Nobody gets through: as while the API server is away. */
  isDown = false;
  readonly #access: ApiServerAccess;
  readonly #server: http.Server;
  readonly #sockets = new Set<Socket>();

  private constructor(access: ApiServerAccess) {
    this.#access = access;
    this.#server = http.createServer((request, response) => this.#pass(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      if (this.isDown) socket.destroy();
    });
  }

  static async start(access: ApiServerAccess): Promise<BreakingProxy> {
    const proxy = new BreakingProxy(access);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Watches that were asked for. */
  get watches(): number {
    return this.requests.filter((path) => path.includes('watch=true')).length;
  }

  get lists(): number {
    return this.requests.length - this.watches;
  }

  /** Ends every connection in the middle. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.cut();
    await once(this.#server, 'close');
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.requests.push(path);
    const { authorization, accept } = request.headers;
    const options = { ca: this.#access.certificate, headers: { authorization, accept } };
    const passed = https.get(this.#access.url + path, options, (answer) => {
      response.writeHead(answer.statusCode ?? 500, { 'content-type': answer.headers['content-type'] });
      response.flushHeaders();
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    passed.on('error', () => response.destroy());
    response.on('close', () => passed.destroy());
  }
}
