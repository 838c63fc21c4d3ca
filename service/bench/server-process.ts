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
  /** `service`, `peer`, or one of PEERS. */
  readonly name: string;
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
  readonly paths?: Paths;
}

interface Paths {
  readonly predict: string;
  readonly health: string;
}

const OWN_PATHS: Paths = { predict: '/predict', health: '/health' };

/** The folders of loadtest/peers, and where their servers are asked. */
export const PEERS: Readonly<Record<string, Paths>> = {
  fastapi: OWN_PATHS,
  litserve: OWN_PATHS,
  bentoml: { predict: '/predict', health: '/livez' },
  kserve: { predict: '/v1/models/classifier:predict', health: '/v2/health/live' },
  mlserver: { predict: '/predict', health: '/v2/health/live' },
  rayserve: { predict: '/predict', health: '/-/healthz' },
};

/** Where readiness is something else than health. */
const READY_PATHS: Readonly<Record<string, string>> = {
  bentoml: '/readyz',
  kserve: '/v2/models/classifier/ready',
  mlserver: '/v2/health/ready',
};

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

export function startPeer(
  python: string,
  model: string,
  environment: Environment,
  peer = 'fastapi',
): Promise<Server> {
  const paths = PEERS[peer] ?? OWN_PATHS;
  const folder = join(PACKAGE_ROOT, 'loadtest/peers');
  return launch({
    name: peer,
    command: python,
    args: ['server.py'],
    cwd: join(folder, peer),
    environment: { ...environment, MODEL: model, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' },
    readyPath: READY_PATHS[peer] ?? paths.health,
    paths,
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
    // A group of its own: some peers start processes that outlive them.
    detached: true,
  });
  const kill = (): void => signalGroup(child, 'SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  const origin = `http://127.0.0.1:${port}`;
  const { predict, health } = launch.paths ?? OWN_PATHS;
  try {
    await untilReady(child, origin + launch.readyPath);
  } catch (error) {
    kill();
    throw new Error(`the ${launch.name} did not start: ${log.end()}`, { cause: error });
  }
  return {
    name: launch.name,
    predictUrl: origin + predict,
    healthUrl: origin + health,
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
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
  signalGroup(child, 'SIGKILL');
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // All of it has ended.
  }
}
