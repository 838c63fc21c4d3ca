import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { expectProblem, predict, send } from '../support/answers.js';
import { plainPng } from '../support/images.js';
import { readMetric } from '../support/metrics.js';

const ENTRY = fileURLToPath(new URL('../../../dist/service/main.js', import.meta.url));
const DROPPED = 'cv_log_lines_dropped_total';
const WAITING = { timeout: 30_000, interval: 20 };
const LONG_TEST = { timeout: 60_000 };
/** A request whose log line is long: some hundred of them are more than is kept. */
const LONG_PATH = `/${'x'.repeat(8000)}`;
const PIPE_AND_BUFFER_ARE_FULL = 300;

/**
 * The service in a pipeline, as a shell makes it. `reader` is what stands behind the pipe; it gets standard input
 * of the test as descriptor 3. Descriptor 4 tells the service's process id, and at its end its exit code.
 */
const PIPELINE = ['"$0" "$1" &', 'echo $! >&4;', 'wait $!;', 'echo $? >&4;'].join(' ');

interface Piped {
  readonly url: string;
  readonly pid: number;
  readonly exitCode: Promise<number>;
  /** Lets a reader of the kind STALLED begin. */
  read(): void;
  /** What has come through the pipe, a line each. */
  readonly lines: readonly string[];
  /** Resolves when all has come. */
  readonly over: Promise<unknown>;
}

const STALLED = 'read _ <&3; cat';

let image: Buffer;
beforeAll(async () => {
  image = await plainPng({ r: 1, g: 2, b: 3 }, 64, 64);
});

async function startPiped(
  { onTestFinished }: TestContext,
  reader: string,
  environment: Record<string, string> = {},
): Promise<Piped> {
  const port = await freePort();
  const { PATH = '' } = process.env;
  const env = { PATH, HOST: '127.0.0.1', PORT: String(port), WORKERS: '1', DRAIN_DELAY_MS: '0' };
  const child = spawn('sh', ['-c', `{ ${PIPELINE} } | { ${reader}; }`, process.execPath, ENTRY], {
    env: { ...env, LOG_FORMAT: 'json', ...environment },
    stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout as Readable }).on('line', (line) => lines.push(line));
  const over = once(output, 'close');
  const told = createInterface({ input: child.stdio[4] as Readable })[Symbol.asyncIterator]();
  const next = async () => Number((await told.next()).value);
  const pid = await next();
  const exitCode = next();
  onTestFinished(() => end(pid, child));
  const url = `http://127.0.0.1:${port}`;
  await untilReady(url);
  return { url, pid, exitCode, lines, over, read: () => void (child.stdio[3] as Writable).end('\n') };
}

async function end(pid: number, child: ChildProcess): Promise<void> {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended, as it should.
  }
  (child.stdio[3] as Writable).destroy();
  if (child.exitCode === null) await once(child, 'exit');
}

async function untilReady(url: string): Promise<void> {
  await vi.waitFor(async () => expect((await send(url, '/ready')).status).toBe(200), WAITING);
}

async function logMoreThanIsKept(url: string): Promise<void> {
  for (let count = 0; count < PIPE_AND_BUFFER_ARE_FULL; count++) {
    expectProblem(await send(url, LONG_PATH), 'NOT_FOUND');
  }
}

async function expectToServe(url: string): Promise<void> {
  expect((await send(url, '/health')).status).toBe(200);
  expect((await predict(url, image)).status).toBe(200);
}

describe.concurrent('a reader of the log that stalls', LONG_TEST, () => {
  it('costs lines and nothing else; what was kept comes whole and in order, and what was not is counted', async (context) => {
    const service = await startPiped(context, STALLED);
    await logMoreThanIsKept(service.url);
    await expectToServe(service.url);
    const dropped = await readMetric(service.url, DROPPED);
    expect(dropped).toBeGreaterThan(0);
    service.read();
    await vi.waitFor(() => expect(service.lines.at(-1)).toMatch(/"lines":\d/), WAITING);
    await expectToServe(service.url);
    process.kill(service.pid, 'SIGTERM');
    expect(await service.exitCode).toBe(0);
    await service.over;
    const entries = service.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries[0]).toMatchObject({ msg: 'starting' });
    expect(entries.at(-1)).toMatchObject({ msg: 'drained' });
    const notices = entries.filter((entry) => 'lines' in entry);
    expect(notices).toEqual([expect.objectContaining({ level: 'warn', lines: expect.any(Number) })]);
    expect(notices[0]?.['lines']).toBeGreaterThanOrEqual(dropped);
    expect(entries.filter((entry) => entry['path'] === LONG_PATH).length).toBeGreaterThan(100);
    expect(entries.map((entry) => String(entry['time']))).toEqual(
      entries.map((entry) => String(entry['time'])).sort(),
    );
  });

  it.for(['json', 'pretty'])('does not keep the service from ending (%s)', async (format, context) => {
    const service = await startPiped(context, STALLED, { LOG_FORMAT: format });
    await logMoreThanIsKept(service.url);
    process.kill(service.pid, 'SIGTERM');
    expect(await service.exitCode).toBe(0);
  });

  it('costs nothing either where it is a socket and not a pipe, as between processes of Node', async ({
    onTestFinished,
  }) => {
    const port = await freePort();
    const { PATH = '' } = process.env;
    const child = spawn(process.execPath, [ENTRY], {
      env: { PATH, HOST: '127.0.0.1', PORT: String(port), WORKERS: '1', DRAIN_DELAY_MS: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const gone = once(child, 'exit');
    const url = `http://127.0.0.1:${port}`;
    await untilReady(url);
    await logMoreThanIsKept(url);
    await expectToServe(url);
    expect(await readMetric(url, DROPPED)).toBeGreaterThan(0);
    child.kill('SIGTERM');
    expect(await gone).toEqual([0, null]);
  });
});

describe.concurrent('a reader of the log that goes', LONG_TEST, () => {
  it('leaves the service at work, and its lines are counted', async (context) => {
    const service = await startPiped(context, 'head -n 1');
    await expectToServe(service.url);
    expect(service.lines).toEqual([expect.stringContaining('"starting"')]);
    const dropped = async () => readMetric(service.url, DROPPED);
    await vi.waitFor(async () => expect(await dropped()).toBeGreaterThan(0), WAITING);
    await expectToServe(service.url);
    process.kill(service.pid, 'SIGTERM');
    expect(await service.exitCode).toBe(0);
  });
});
