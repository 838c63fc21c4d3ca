import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedDispatch {
  readonly authorization: string | undefined;
  readonly event_type: string;
  readonly client_payload: Readonly<Record<string, unknown>> & {
    readonly model: string;
    readonly decision: string;
  };
}

export interface Run {
  display_title: string;
  event: string;
  status: string;
  conclusion: string | null;
  created_at: string;
  updated_at: string;
}

/**
 * How the next dispatch goes: refused with a status, and headers; taken, and answered with a status all the same; taken,
 * and not answered; taken, and the connection broken.
 */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly taken?: true }
  | 'silence'
  | 'reset';

/** A server on loopback that speaks as much of GitHub's API as the bridge uses, for the repository us/it. */
export class GitHubServer {
  readonly dispatches: ReceivedDispatch[] = [];
  readonly runs: Run[] = [];
  /** Of the next dispatches, in order. */
  readonly faults: Fault[] = [];
  /** Whether the list of runs can be had. */
  listsRuns = true;
  calls = 0;
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(): Promise<GitHubServer> {
    const github = new GitHubServer();
    github.#server.listen(0, '127.0.0.1');
    await once(github.#server, 'listening');
    return github;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Ends the runs that are under way. */
  endRuns(conclusion: string, at: number): void {
    for (const run of this.runs.filter(({ status }) => status !== 'completed')) {
      Object.assign(run, { status: 'completed', conclusion, updated_at: new Date(at).toISOString() });
    }
  }

  addRun(changes: Partial<Run>): void {
    const now = new Date().toISOString();
    this.runs.unshift({
      display_title: 'retrain digits by-hand',
      event: 'workflow_dispatch',
      status: 'completed',
      conclusion: 'success',
      created_at: now,
      updated_at: now,
      ...changes,
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.calls += 1;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const route = `${request.method} ${request.url?.split('?')[0]}`;
    if (route === 'POST /repos/us/it/dispatches') {
      this.#take(request, JSON.parse(Buffer.concat(chunks).toString()), response);
    } else if (route === 'GET /repos/us/it/actions/workflows/retrain.yml/runs' && this.listsRuns) {
      reply(response, 200, { total_count: this.runs.length, workflow_runs: this.runs });
    } else reply(response, 404, { message: 'Not Found' });
  }

  #take(
    request: IncomingMessage,
    body: Omit<ReceivedDispatch, 'authorization'>,
    response: ServerResponse,
  ): void {
    const fault = this.faults.shift();
    if (typeof fault === 'object' && fault.taken === undefined) {
      reply(response, fault.status, { message: 'No' }, fault.headers);
      return;
    }
    this.dispatches.push({ authorization: request.headers.authorization, ...body });
    const { model, decision } = body.client_payload;
    this.addRun({
      display_title: `retrain ${model} ${decision}`,
      event: 'repository_dispatch',
      status: 'queued',
      conclusion: null,
    });
    if (fault === 'reset') request.socket.destroy();
    else if (fault !== 'silence') reply(response, fault?.status ?? 204);
  }
}

function reply(response: ServerResponse, status: number, body?: unknown, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}
