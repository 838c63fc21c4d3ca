import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const END_TIMEOUT_MS = 10_000;
const TAIL_LINES = 15;

export interface Command {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

/** A process of the loop, which writes its output into a file. */
export class Child {
  readonly name: string;
  readonly log: string;
  readonly #process: ChildProcess;
  readonly #exit: Promise<number>;

  constructor(command: Command, log: string) {
    this.name = command.name;
    this.log = log;
    const output = openSync(log, 'w');
    // A group of its own, so that what it starts ends with it.
    this.#process = spawn(command.program, command.args, {
      cwd: command.folder,
      env: { ...inherited(), ...command.environment },
      stdio: ['ignore', output, output],
      detached: true,
    });
    closeSync(output);
    this.#exit = once(this.#process, 'exit').then(
      ([code]) => code ?? 1,
      () => 127,
    );
  }

  get exit(): Promise<number> {
    return this.#exit;
  }

  get output(): string {
    return readFileSync(this.log, 'utf8');
  }

  /** The last lines that it wrote. */
  get tail(): string {
    return this.output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n');
  }

  get isRunning(): boolean {
    return (
      this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
    );
  }

  /** To it and all that it has started; nothing where it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, signal);
    } catch {
      // Its group has ended.
    }
  }

  /** Asks it to end, and ends it where it does not. */
  async end(): Promise<void> {
    this.signal('SIGTERM');
    const kill = setTimeout(() => this.signal('SIGKILL'), END_TIMEOUT_MS);
    await this.#exit;
    clearTimeout(kill);
    this.signal('SIGKILL');
  }
}

/** All processes of a play. */
export class Children {
  readonly #folder: string;
  readonly #children: Child[] = [];

  /** @param folder for their logs */
  constructor(folder: string) {
    this.#folder = folder;
    process.once('exit', this.kill);
  }

  start(command: Command): Child {
    const child = new Child(command, join(this.#folder, `${command.name}.log`));
    this.#children.push(child);
    return child;
  }

  /**
   * Runs it to its end.
   * @returns what it wrote
   * @throws where its exit code is not 0
   */
  async run(command: Command): Promise<string> {
    const child = this.start(command);
    const code = await child.exit;
    if (code !== 0) throw new Error(`${command.name} ended with ${code}:\n${child.tail}`);
    return child.output;
  }

  /** Throws where one that serves has ended by itself. */
  expectRunning(...children: readonly Child[]): void {
    const gone = children.find(({ isRunning }) => !isRunning);
    if (gone !== undefined) throw new Error(`${gone.name} has ended:\n${gone.tail}`);
  }

  async end(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.end()));
    process.off('exit', this.kill);
  }

  /** At once, whatever they do. */
  readonly kill = (): void => {
    for (const child of this.#children) child.signal('SIGKILL');
  };
}

function inherited(): NodeJS.ProcessEnv {
  const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
  return { PATH, HOME, TMPDIR };
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
