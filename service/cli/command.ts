import type { Writable } from 'node:stream';

/** What a command knows of the process that it runs in. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  /** Answers; may be a pipe. `columns` where it is a terminal. */
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Progress, warnings and errors. */
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Aborts when the process is asked to end. */
  readonly signal: AbortSignal;
}

/** What people type after `cv-inference`. */
export interface Command {
  readonly name: string;
  /** Its arguments, as in `MODEL [IMAGE]`. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Everything else that `--help` says of it. */
  readonly details: string;
  /** @returns the exit code */
  run(args: readonly string[], terminal: Terminal): Promise<number>;
}
