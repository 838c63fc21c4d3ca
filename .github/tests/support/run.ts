import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../../..');
export const SCRIPTS = join(ROOT, '.github/scripts');
export const DIST = join(ROOT, 'dist/.github/scripts');

export type Environment = Readonly<Record<string, string>>;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Options {
  readonly cwd?: string;
  /** All that it has besides PATH and HOME. */
  readonly env?: Environment;
  /** A folder that is searched before the PATH. */
  readonly bin?: string;
  readonly input?: string;
}

function environmentOf({ env = {}, bin }: Options): NodeJS.ProcessEnv {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH: bin === undefined ? PATH : `${bin}:${PATH}`, HOME, ...env };
}

export function run(command: string, args: readonly string[], options: Options = {}): Ended {
  const { cwd = ROOT, input } = options;
  const ended: SpawnSyncReturns<string> = spawnSync(command, args, {
    cwd,
    env: environmentOf(options),
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 26,
    ...(input !== undefined && { input }),
  });
  if (ended.error !== undefined) throw ended.error;
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr };
}

/** As run, while this process goes on: for scripts that ask a server of the test, or race. */
export async function runBeside(
  command: string,
  args: readonly string[],
  options: Options = {},
): Promise<Ended> {
  const child = spawn(command, args, { cwd: options.cwd ?? ROOT, env: environmentOf(options) });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** The `name=value` lines that a script prints for the steps after it. */
export function outputsOf({ stdout }: Ended): Readonly<Record<string, string>> {
  const lines = stdout.split('\n').filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
}
