import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ChildSubject, type Handles } from './child-subject.js';
import { readCgroup } from './memory.js';
import type { Launcher } from './subject.js';

const run = promisify(execFile);

/** What CI runs containers with: podman or docker. */
const ENGINE = '.ci/engine';
const BUILD_LIMIT_MS = 600_000;
const COMMAND_LIMIT_MS = 30_000;
/** What a small pod has; files for 1,000 slow clients and everyone else. */
const LIMITS = ['--cpus', '1', '--memory', '512m', '--ulimit', 'nofile=8192:8192'];
/**
 * The log goes through a reader inside, which can be stopped and go on: what an engine does with a log that nobody
 * takes from it differs. The service takes the place of the shell, so that it is the one that gets the signals.
 */
const WITH_LOG_READER =
  'mkfifo /tmp/log && { sh -c "echo \\$\\$ >/tmp/log-reader; exec cat" </tmp/log & } && exec "$@" >/tmp/log 2>&1';

async function engine(limitMs: number, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(ENGINE, args, { timeout: limitMs, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

/** A container of one core and 512 MB, of the image that the Dockerfile makes; undefined where nothing can run it. */
export async function containerLauncher(): Promise<Launcher | undefined> {
  const name = await engine(COMMAND_LIMIT_MS, 'name_engine').catch(() => undefined);
  if (name === undefined) return undefined;
  await engine(BUILD_LIMIT_MS, 'make_base');
  await engine(BUILD_LIMIT_MS, 'build', 'cpu');
  const entrypoint = JSON.parse(await engine(COMMAND_LIMIT_MS, 'entrypoint')) as string[];
  let started = 0;
  return {
    sentence: `A container of one core and 512 MB, run by ${name}.`,
    start: (port) => startContainer(`cv-inference-soak-${process.pid}-${started++}`, port, entrypoint),
  };
}

async function startContainer(
  name: string,
  port: number,
  entrypoint: readonly string[],
): Promise<ChildSubject> {
  const environment = { HOST: '127.0.0.1', PORT: String(port), DRAIN_DELAY_MS: '0' };
  const options = Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  const command = ['--entrypoint', 'sh', '--', '-c', WITH_LOG_READER, 'sh', ...entrypoint];
  const args = ['run_image', '--name', name, ...LIMITS, ...options, ...command];
  const pid = pidOf(name);
  return new ChildSubject({ program: ENGINE, args, environment: process.env }, port, handles(name, pid));
}

function handles(name: string, pid: Promise<number | undefined>): Handles {
  let known: number | undefined;
  void pid.then((found) => {
    known = found;
  });
  const inEngine = (...args: readonly string[]): Promise<string> =>
    engine(COMMAND_LIMIT_MS, 'in_engine', ...args);
  const signalReader = async (signal: 'STOP' | 'CONT'): Promise<void> => {
    await inEngine('exec', name, 'sh', '-c', `kill -${signal} "$(cat /tmp/log-reader)"`);
  };
  return {
    signal: async (signal) => {
      await inEngine('kill', '--signal', signal, name).catch(() => undefined);
    },
    stallLog: () => signalReader('STOP'),
    resumeLog: () => signalReader('CONT'),
    readMemory: () => (known === undefined ? undefined : readCgroup(known)),
  };
}

/** Of its first process, as this machine counts; undefined where it does not come up. */
async function pidOf(name: string): Promise<number | undefined> {
  for (const deadline = performance.now() + COMMAND_LIMIT_MS; performance.now() < deadline; ) {
    const inspect = engine(COMMAND_LIMIT_MS, 'in_engine', 'inspect', '--format', '{{.State.Pid}}', name);
    const pid = Number(await inspect.catch(() => '0'));
    if (pid > 0) return pid;
  }
  return undefined;
}
