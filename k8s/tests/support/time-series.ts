import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { vi } from 'vitest';
import { requiredTool } from './tools.js';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface QueryAnswer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly resultType: string;
    readonly result: readonly { readonly metric: Record<string, string>; readonly value: [number, string] }[];
  };
}

interface ExemplarsAnswer {
  readonly status: string;
  readonly data: readonly {
    readonly exemplars: readonly { readonly labels: Readonly<Record<string, string>> }[];
  }[];
}

/** A database that speaks the query API of Prometheus, in a process of its own. */
export class TimeSeriesDatabase {
  readonly url: string;
  readonly #child: ChildProcess;
  #output = '';

  constructor(name: string, port: number, args: readonly string[]) {
    this.url = `http://127.0.0.1:${port}`;
    this.#child = spawn(requiredTool(name), args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  /** Waits until it answers. Throws what it said when it does not. */
  async ready(): Promise<this> {
    const ask = async () => {
      if (this.#child.exitCode !== null) throw new Error('it ended');
      await this.query('vector(1)');
    };
    await vi.waitFor(ask, { timeout: 15_000, interval: 100 }).catch((cause: unknown) => {
      throw new Error(`no answer from ${this.url}:\n${this.#output.slice(-2000)}`, { cause });
    });
    return this;
  }

  /** Throws where the expression is refused. */
  async query(expression: string): Promise<Sample[]> {
    const answer = await fetch(`${this.url}/api/v1/query`, {
      method: 'POST',
      body: new URLSearchParams({ query: expression }),
    });
    const { status, error, data } = (await answer.json()) as QueryAnswer;
    if (status !== 'success') throw new Error(`${error}: ${expression}`);
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** @returns labels of the exemplars of the last minutes that belong to the series of an expression */
  async exemplars(expression: string): Promise<Readonly<Record<string, string>>[]> {
    const now = Date.now() / 1000;
    const range = { start: String(now - 300), end: String(now + 300) };
    const answer = await fetch(`${this.url}/api/v1/query_exemplars`, {
      method: 'POST',
      body: new URLSearchParams({ query: expression, ...range }),
    });
    const { status, data } = (await answer.json()) as ExemplarsAnswer;
    if (status !== 'success') throw new Error(`no exemplars: ${expression}`);
    return data.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels));
  }

  async destroy(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

/** A port that nobody listens to. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** As much of the API of Kubernetes as the search for pods needs: a list of them, and a watch that tells of no change. */
export async function servePods(pods: readonly Pod[]): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url?.includes('watch=')) return void response.flushHeaders();
    const metadata = { resourceVersion: '1' };
    response.end(JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata, items: pods.map(podObject) }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** As the component has pods annotated; the second port must not be scraped. */
function podObject({ namespace, name, port }: Pod): object {
  return {
    metadata: {
      namespace,
      name,
      uid: name,
      labels: { 'app.kubernetes.io/name': 'cv-inference' },
      annotations: {
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': String(port),
        'prometheus.io/path': '/metrics',
      },
    },
    spec: {
      containers: [
        {
          name: 'cv-inference',
          ports: [
            { name: 'http', containerPort: port, protocol: 'TCP' },
            { name: 'other', containerPort: 1, protocol: 'TCP' },
          ],
        },
      ],
    },
    status: { phase: 'Running', podIP: '127.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
  };
}
