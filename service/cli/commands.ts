import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, ServiceError } from '../errors.js';
import { PACKAGE_ROOT } from '../package-files.js';
import type { Command, Terminal } from './command.js';
import { inspectCommand } from './inspect.js';
import { CannotGoOn, EXIT_CODES, UsageError } from './outcome.js';
import { predictCommand } from './predict.js';
import { referenceCommand } from './reference.js';
import { serveCommand } from './serve.js';

/** All there are. What takes time to load they load when they run. */
export const COMMANDS: readonly Command[] = [serveCommand, predictCommand, inspectCommand, referenceCommand];

/** Runs what was typed; without a command, `serve`. Faults become one line on stderr and an exit code. */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name = 'serve'] = args;
  try {
    if (name === '--help' || name === '-h') return print(overview(), terminal);
    if (name === '--version') return print(`${version()}\n`, terminal);
    if (name.startsWith('-')) return await run(serveCommand, args, terminal);
    return await run(commandNamed(name), args.slice(1), terminal);
  } catch (error) {
    return report(error, terminal);
  }
}

async function run(command: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  const own = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length);
  if (own.includes('--help') || own.includes('-h')) return print(helpOf(command), terminal);
  return command.run(args, terminal);
}

function commandNamed(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = COMMANDS.map((each) => each.name).join(', ');
  throw new UsageError(`there is no command ${JSON.stringify(name)}; there are ${names}`);
}

export function overview(): string {
  const rows = [
    ['', 'serves the default model, as `cv-inference serve` does'],
    ...COMMANDS.map(({ name, summary }) => [name, summary]),
    ['COMMAND --help', 'says more of a command'],
    ['--version', 'of this package'],
  ].map(([typed = '', meaning = '']) => `  cv-inference ${typed.padEnd(16)}${meaning}`);
  return ['cv-inference: answers to images by an ONNX vision model', '', ...rows, ''].join('\n');
}

export function helpOf({ name, usage, summary, details }: Command): string {
  return `cv-inference ${name} ${usage}\n  ${summary}\n\n${details.trimEnd()}\n`;
}

function version(): string {
  const file = readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8');
  return (JSON.parse(file) as { readonly version: string }).version;
}

function print(text: string, { stdout }: Terminal): number {
  stdout.write(text);
  return EXIT_CODES.done;
}

function report(error: unknown, { stderr }: Terminal): number {
  if (error instanceof UsageError) {
    stderr.write(`cv-inference: ${error.message}; see cv-inference --help\n`);
    return EXIT_CODES.usage;
  }
  stderr.write(`cv-inference: ${textOf(error)}\n`);
  return EXIT_CODES.cannotGoOn;
}

function textOf(error: unknown): string {
  if (error instanceof ServiceError) return `${error.code}: ${error.message}`;
  if (error instanceof CannotGoOn || !(error instanceof Error)) return messageOf(error);
  return error.stack ?? error.message;
}
