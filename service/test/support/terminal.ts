import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Terminal } from '../../cli/command.js';
import { runCommand } from '../../cli/commands.js';

/** Small and quick to start; `env` of the caller wins. */
const QUICK_TO_START = { WORKERS: '1', DECODE_CONCURRENCY: '1' };

export interface CommandEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  readonly stdout?: PassThrough;
}

/** Runs a command in this process, and says all that it said. */
export async function runTyped(args: readonly string[], options: TerminalOptions = {}): Promise<CommandEnd> {
  const stdout = options.stdout ?? new PassThrough();
  const stderr = new PassThrough();
  const said = Promise.all([options.stdout === undefined ? text(stdout) : '', text(stderr)]);
  const terminal: Terminal = {
    env: { ...QUICK_TO_START, ...options.env },
    stdout,
    stderr,
    signal: options.signal ?? new AbortController().signal,
  };
  const code = await runCommand(args, terminal);
  stdout.end();
  stderr.end();
  const [out, err] = await said;
  return { code, stdout: out, stderr: err };
}
