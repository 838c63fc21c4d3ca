import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../package-files.js';
import { freePort } from './free-port.js';
import { startArguments } from './start-command.js';
import { now } from './window.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** A server under load: ours, or the peer. */
export interface Server {
  readonly name: 'service' | 'peer';
  readonly predictUrl: string;
  readonly healthUrl: string;
  /** Undefined where somebody else started it. */
  readonly pid: number | undefined;
  /** From before the process was started to the first answer that says it takes work, milliseconds. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

interface Launch {
  readonly name: Server['name'];
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Environment;
  readonly readyPath: string;
}

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 5000;
const POLL_MS = 3;

/** Starts the service as it ships; settings come from the environment, on top of this process's own. */
export function startService(environment: Environment): Promise<Server> {
  return launch({
    name: 'service',
    command: process.execPath,
    args: startArguments(PACKAGE_ROOT),
    cwd: PACKAGE_ROOT,
    environment: { ...environment, HOST: '127.0.0.1' },
    readyPath: '/ready',
  });
}

export function startPeer(python: string, model: string, environment: Environment): Promise<Server> {
  return launch({
    name: 'peer',
    command: python,
    args: ['server.py'],
    cwd: join(PACKAGE_ROOT, 'loadtest/peers/fastapi'),
    environment: { ...environment, MODEL: model, PYTHONDONTWRITEBYTECODE: '1' },
    readyPath: '/health',
  });
}

/** A peer that somebody else has started; @param origin without a path. */
export function usePeer(origin: string): Server {
  const [predictUrl, healthUrl] = ['/predict', '/health'].map((path) => new URL(path, origin).href);
  return {
    name: 'peer',
    predictUrl: predictUrl ?? '',
    healthUrl: healthUrl ?? '',
    pid: undefined,
    readyMs: Number.NaN,
    stop: async () => {},
  };
}

async function launch(launch: Launch): Promise<Server> {
  const port = await freePort();
  const log = openLog(launch.name);
  const startedAt = now();
  const child = spawn(launch.command, launch.args, {
    cwd: launch.cwd,
    env: { ...launch.environment, PORT: String(port) },
    stdio: ['ignore', log.fd, log.fd],
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const origin = `http://127.0.0.1:${port}`;
  try {
    await untilReady(child, origin + launch.readyPath);
  } catch (error) {
    kill();
    throw new Error(`the ${launch.name} did not start: ${log.end()}`, { cause: error });
  }
  return {
    name: launch.name,
    predictUrl: `${origin}/predict`,
    healthUrl: `${origin}/health`,
    pid: child.pid,
    readyMs: now() - startedAt,
    stop: () => stop(child).finally(() => log.end()),
  };
}

interface Log {
  readonly fd: number;
  /** Closes and removes it. Returns its last words. */
  end(): string;
}

/** A file, since reading a pipe would cost this process time while it measures. */
function openLog(name: string): Log {
  const folder = mkdtempSync(join(tmpdir(), 'cv-inference-bench-'));
  const path = join(folder, `${name}.log`);
  const fd = openSync(path, 'w');
  return {
    fd,
    end() {
      closeSync(fd);
      const lastWords = readFileSync(path, 'utf8').slice(-2000).trim();
      rmSync(folder, { recursive: true, force: true });
      return lastWords;
    },
  };
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  let failure: unknown;
  child.once('error', (error) => {
    failure = error;
  });
  const deadline = now() + READY_TIMEOUT_MS;
  while (now() < deadline) {
    if (failure !== undefined) throw failure;
    if (child.exitCode !== null) throw new Error(`it ended with code ${child.exitCode}`);
    if (await answersOk(url)) return;
    await sleep(POLL_MS);
  }
  throw new Error(`it was not ready within ${READY_TIMEOUT_MS} ms`);
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}
