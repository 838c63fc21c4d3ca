import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const PROGRAM = join(import.meta.dirname, '../dist/bridge/main.js');

export const TOKEN = 'the-token-of-alertmanager';

interface LogLine {
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly address?: string;
}

/** The bridge as it ships, in a process of its own. */
export class BridgeProcess {
  readonly logs: LogLine[] = [];
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #exit: Promise<unknown[]>;

  private constructor(environment: NodeJS.ProcessEnv) {
    this.#child = spawn(process.execPath, [PROGRAM], {
      env: { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: '0', ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#exit = once(this.#child, 'close');
  }

  /** Resolves when it listens, or has ended. */
  static async start(environment: NodeJS.ProcessEnv): Promise<BridgeProcess> {
    const bridge = new BridgeProcess(environment);
    const reader = createInterface({ input: bridge.#child.stdout });
    return new Promise((resolve) => {
      reader.on('line', (line) => {
        bridge.logs.push(JSON.parse(line));
        if (bridge.logs.at(-1)?.msg === 'listening') resolve(bridge);
      });
      reader.on('close', () => resolve(bridge));
    });
  }

  get url(): string {
    const address = this.logs.find(({ msg }) => msg === 'listening')?.address;
    if (address === undefined) throw new Error(JSON.stringify(this.logs));
    return address;
  }

  get exit(): Promise<number | null> {
    return this.#exit.then(([code]) => code as number | null);
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.exit;
  }

  async send(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    return fetch(`${this.url}/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  async decide(body: unknown): Promise<unknown> {
    const answer = await this.send(body);
    return [
      answer.status,
      ((await answer.json()) as { decisions: { outcome: string }[] }).decisions.map(({ outcome }) => outcome),
    ];
  }

  async metric(line: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.slice(line.length),
    );
  }
}
