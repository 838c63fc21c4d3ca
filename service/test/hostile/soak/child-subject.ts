import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { MemoryReading } from './memory.js';
import { LogTail, type Subject } from './subject.js';

/** What a container and a process do differently. */
export interface Handles {
  signal(name: 'SIGTERM' | 'SIGKILL', child: ChildProcess): Promise<void>;
  stallLog(child: ChildProcess): Promise<void>;
  resumeLog(child: ChildProcess): Promise<void>;
  readMemory(child: ChildProcess): MemoryReading | undefined;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** A service that is, or hangs on, a child of this process. */
export class ChildSubject implements Subject {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #handles: Handles;
  readonly #exit: Promise<unknown>;
  readonly #log = new LogTail();
  #exitCode: number | undefined;

  constructor({ program, args, environment }: Command, port: number, handles: Handles) {
    this.url = `http://127.0.0.1:${port}`;
    this.#handles = handles;
    this.#child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#log.add(text));
    }
    this.#exit = once(this.#child, 'exit').then(([code]) => {
      this.#exitCode = (code as number | null) ?? -1;
    });
  }

  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  readMemory(): MemoryReading | undefined {
    return this.#handles.readMemory(this.#child);
  }

  stallLog(): Promise<void> {
    return this.#handles.stallLog(this.#child);
  }

  resumeLog(): Promise<void> {
    return this.#handles.resumeLog(this.#child);
  }

  async stop(limitMs: number): Promise<number | undefined> {
    if (this.#exitCode !== undefined) return this.#exitCode;
    await this.#handles.signal('SIGTERM', this.#child);
    const timer = setTimeout(() => this.#handles.signal('SIGKILL', this.#child), limitMs);
    await this.#exit;
    clearTimeout(timer);
    return this.#exitCode;
  }

  tail(): string {
    return this.#log.lines;
  }

  async destroy(): Promise<void> {
    if (this.#exitCode !== undefined) return;
    await this.#handles.signal('SIGKILL', this.#child);
    await this.#exit;
  }
}
