import { type ChildProcess, spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../service/bench/free-port.js';
import { startArguments } from '../../service/bench/start-command.js';
import { PACKAGE_ROOT } from '../package-root.js';
import type { Environment } from '../settings.js';
import { checkOut, commitOf, describeCommit } from './commits.js';
import type { Undo } from './undo.js';

export interface Server {
  /** For people: a URL, a commit with its subject, this checkout, the peer. */
  readonly name: string;
  readonly url: string;
}

const READY_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const PEER = 'peer:fastapi';
const MODEL = 'model:';

/** @param wanted a URL, a commit, `.`, `model:` and a model's path (this checkout with that), or `peer:fastapi` */
export async function provide(
  wanted: string,
  environment: Environment,
  peerPython: string | undefined,
  undo: Undo,
): Promise<Server> {
  if (/^https?:\/\//.test(wanted)) return { name: wanted, url: wanted.replace(/\/+$/, '') };
  if (wanted === PEER) return startPeer(peerPython, environment, undo);
  if (wanted.startsWith(MODEL)) {
    const settings = { ...environment, MODEL_URI: resolve(PACKAGE_ROOT, wanted.slice(MODEL.length)) };
    return startService(PACKAGE_ROOT, wanted, settings, undo);
  }
  if (wanted === '.') return startService(PACKAGE_ROOT, 'this checkout', environment, undo);
  const commit = commitOf(wanted);
  const folder = await checkOut(commit, undo);
  return startService(folder, describeCommit(commit), environment, undo);
}

function startService(folder: string, name: string, environment: Environment, undo: Undo): Promise<Server> {
  const settings = { LOG_LEVEL: 'warn', ...environment, HOST: '127.0.0.1' };
  return start(name, process.execPath, startArguments(folder), folder, settings, '/ready', undo);
}

async function startPeer(python: string | undefined, environment: Environment, undo: Undo): Promise<Server> {
  if (python === undefined) throw new Error(`${PEER} needs PEER_PYTHON`);
  if (!environment['MODEL'])
    throw new Error(`${PEER} needs MODEL, the ONNX file that MODEL_URI serves on our side`);
  const folder = join(PACKAGE_ROOT, 'loadtest/peers');
  const settings = { ...environment, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: '1' };
  return start(PEER, python, ['server.py'], join(folder, 'fastapi'), settings, '/health', undo);
}

async function start(
  name: string,
  command: string,
  args: readonly string[],
  cwd: string,
  environment: Environment,
  readyPath: string,
  undo: Undo,
): Promise<Server> {
  const port = await freePort();
  const child = spawn(command, args, {
    cwd,
    env: { ...environment, PORT: String(port) },
    // Its warnings and errors are the person's; its log would be noise.
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  undo.later(() => child.kill('SIGKILL'));
  const url = `http://127.0.0.1:${port}`;
  await untilReady(child, url + readyPath).catch((error: unknown) => {
    throw new Error(`${name} ${error instanceof Error ? error.message : error}`);
  });
  return { name, url };
}

async function untilReady(child: ChildProcess, url: string): Promise<void> {
  let failure: Error | undefined;
  child.once('error', (error) => {
    failure = error;
  });
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (failure !== undefined) throw new Error(`could not be started: ${failure.message}`);
    if (child.exitCode !== null) throw new Error(`ended with code ${child.exitCode} before it was ready`);
    const isReady = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isReady) return;
    await sleep(POLL_MS);
  }
  throw new Error(`was not ready within ${READY_TIMEOUT_MS / 1000} s`);
}
