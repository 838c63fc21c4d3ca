import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { startArguments } from '../../bench/start-command.js';
import { writeModelFolder } from './models.js';
import type { OnnxModel } from './onnx.js';

const START = startArguments(fileURLToPath(new URL('../../..', import.meta.url)));

/** Small and quick to start; `env` of the caller wins. */
const DEFAULT_ENVIRONMENT = {
  HOST: '127.0.0.1',
  PORT: '0',
  WORKERS: '1',
  DECODE_CONCURRENCY: '1',
  DRAIN_DELAY_MS: '0',
  LOG_FORMAT: 'json',
  // V8 sizes its young generation by the memory of the machine: up to 128 MB, which tests of memory would take for ours.
  NODE_OPTIONS: '--max-semi-space-size=16',
} as const;

export type Environment = Readonly<Record<string, string>>;

/** A line of the service's log. */
export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Waiter {
  readonly matches: (line: LogLine) => boolean;
  readonly resolve: (line: LogLine) => void;
  readonly reject: (error: Error) => void;
}

/** The service as it ships, in a process of its own. */
export class ServiceProcess {
  /** Everything that stdout said, a line each. */
  readonly lines: string[] = [];
  readonly logs: LogLine[] = [];
  /** Resolves once the process has gone and both of its streams have ended. */
  readonly exit: Promise<Exit>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #waiters = new Set<Waiter>();
  #stderr = '';

  constructor(environment: Environment, args: readonly string[] = []) {
    const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
    this.#child = spawn(process.execPath, [...START, ...args], {
      env: { PATH, HOME, TMPDIR, ...DEFAULT_ENVIRONMENT, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    const reader = createInterface({ input: this.#child.stdout });
    reader.on('line', (line) => this.#receive(line));
    this.exit = this.#whenGone(once(reader, 'close'));
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the service was not started');
    return this.#child.pid;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Where it listens. Throws before it does. */
  get url(): string {
    return this.#address('address');
  }

  get managementUrl(): string {
    return this.#address('management');
  }

  /** The first line, past or to come, that matches. Rejects when the process ends without it. */
  logged(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const found = this.logs.find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => this.#waiters.add({ matches, resolve, reject }));
  }

  said(message: string): Promise<LogLine> {
    return this.logged((line) => line.msg === message);
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends the signal and waits for the end. */
  stop(signal: NodeJS.Signals = 'SIGINT'): Promise<Exit> {
    this.send(signal);
    return this.exit;
  }

  /** Ends it whatever it is doing. */
  async destroy(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.exit;
  }

  async #whenGone(stdoutRead: Promise<unknown>): Promise<Exit> {
    const [[code, signal]] = await Promise.all([once(this.#child, 'close'), stdoutRead]);
    const tail = this.lines.slice(-5).join('\n');
    for (const { reject } of this.#waiters) {
      reject(new Error(`the service ended with ${code ?? signal}: ${tail}\n${this.#stderr}`));
    }
    this.#waiters.clear();
    return { code, signal };
  }

  #receive(line: string): void {
    this.lines.push(line);
    if (!line.startsWith('{')) return;
    const entry = JSON.parse(line) as LogLine;
    this.logs.push(entry);
    for (const waiter of this.#waiters) {
      if (!waiter.matches(entry)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(entry);
    }
  }

  #address(key: string): string {
    const address = this.logs.find((line) => line.msg === 'listening')?.[key];
    if (typeof address !== 'string') throw new Error(`the service has no ${key} yet`);
    return address;
  }
}

/**
 * Starts the service with a model of its own and waits until it is ready: for all tests of a file.
 * What comes back beside it ends it and removes the model; `beforeAll` takes it as its own undoing.
 */
export async function startSharedService(
  model: OnnxModel,
  environment: Environment = {},
  manifest?: Record<string, unknown>,
): Promise<{ service: ServiceProcess; end: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'cv-test-'));
  const service = new ServiceProcess({
    MODEL_URI: await writeModelFolder(model, manifest, folder),
    ...environment,
  });
  const end = async (): Promise<void> => {
    await service.destroy();
    await rm(folder, { recursive: true, force: true });
  };
  await service.said('ready').catch(async (error: unknown) => {
    await end();
    throw error;
  });
  return { service, end };
}

/** Has something done at the end of a test. Tests that run at once bring their own, from their context. */
export type WhenOver = (end: () => Promise<void>) => void;

/** Starts the service without waiting for anything; gone when the test ends. */
export function launchService(
  environment: Environment = {},
  whenOver: WhenOver = onTestFinished,
): ServiceProcess {
  const service = new ServiceProcess(environment);
  whenOver(() => service.destroy());
  return service;
}

/** Starts the service and waits until it is ready; gone when the test ends. */
export async function startService(
  environment: Environment = {},
  whenOver: WhenOver = onTestFinished,
): Promise<ServiceProcess> {
  const service = launchService(environment, whenOver);
  await service.said('ready');
  return service;
}
