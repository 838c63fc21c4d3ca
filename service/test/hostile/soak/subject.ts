import type { MemoryReading } from './memory.js';

/** The service that is attacked, in a container or a process. */
export interface Subject {
  readonly url: string;
  /** Undefined while it runs. */
  readonly exitCode: number | undefined;
  readMemory(): MemoryReading | undefined;
  /** From now on nobody reads its log, */
  stallLog(): Promise<void>;
  /** until now. */
  resumeLog(): Promise<void>;
  /** SIGTERM, and how it ends; killed past the limit. */
  stop(limitMs: number): Promise<number | undefined>;
  /** The end of its log. */
  tail(): string;
  /** Whatever it is doing. */
  destroy(): Promise<void>;
}

/** How it is run, with a sentence on that. */
export interface Launcher {
  readonly sentence: string;
  start(port: number): Promise<Subject>;
}

/** Keeps the end of what it is fed. */
export class LogTail {
  #text = '';

  add(text: string): void {
    this.#text = (this.#text + text).slice(-20_000);
  }

  /** Its last lines that are not about a request. */
  get lines(): string {
    const isRequest = /"msg":"request|"request_id"/;
    return this.#text
      .split('\n')
      .filter((line) => line !== '' && !isRequest.test(line))
      .slice(-8)
      .join('\n');
  }
}
