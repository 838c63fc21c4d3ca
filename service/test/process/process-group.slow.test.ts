import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, type TestContext, vi } from 'vitest';
import { expectColour, predict } from '../support/answers.js';
import { unloadableModel } from '../support/endless-model.js';
import { Folders } from '../support/folders.js';
import { heavyColour, heavyModel } from '../support/heavy-model.js';
import { plainPng } from '../support/images.js';
import { readMetric } from '../support/metrics.js';
import { writeModelFolder } from '../support/models.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const LONG_TEST = 120_000;

let folders: Folders;
beforeAll(async () => {
  folders = await Folders.create();
  return () => folders.remove();
});

interface Group {
  /** Sends a signal to every process of the group, as a terminal does on Ctrl-C. */
  send(signal: NodeJS.Signals): void;
  /** The first line, past or to come, that contains this. */
  said(words: string): Promise<string>;
  readonly exit: Promise<unknown[]>;
  readonly lines: readonly string[];
}

/** Starts a command as the leader of a process group of its own, which is gone when the test ends. */
function startGroup(
  { onTestFinished }: TestContext,
  command: readonly [string, ...string[]],
  folder: string,
  environment: Record<string, string> = {},
): Group {
  const [file, ...args] = command;
  // Nothing of the npm that runs the tests.
  const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
  const settings = { HOST: '127.0.0.1', PORT: '0', WORKERS: '1', LOG_FORMAT: 'json', ...environment };
  const child = spawn(file, args, {
    cwd: folder,
    detached: true,
    env: { PATH, HOME, TMPDIR, ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => killGroup(child));
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout as Readable }).on('line', (line) => lines.push(line));
  return {
    lines,
    exit: once(child, 'close'),
    send: (signal) => void process.kill(-(child.pid ?? 0), signal),
    said: (words) =>
      new Promise((resolve, reject) => {
        const past = lines.find((line) => line.includes(words));
        if (past !== undefined) resolve(past);
        reader.on('line', (line) => void (line.includes(words) && resolve(line)));
        reader.on('close', () => reject(new Error(lines.join('\n'))));
      }),
  };
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** What `npm start` needs, in a folder of its own: it builds, and other tests run what is built. */
async function copyOfProject(): Promise<string> {
  const folder = await folders.next();
  for (const part of ['package.json', 'tsconfig.json', 'tsconfig.build.json', 'service', 'dist']) {
    await cp(join(ROOT, part), join(folder, part), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

describe.concurrent('a signal to the whole process group', () => {
  it.for(['SIGINT', 'SIGTERM'] as const)(
    'drains what npm start started and answers what is in flight, on %s',
    { timeout: LONG_TEST },
    async (signal, context) => {
      const MODEL_URI = await writeModelFolder(heavyModel(30), undefined, await folders.next());
      const environment = { MODEL_URI, INTRA_OP_THREADS: '1', DRAIN_DELAY_MS: '0' };
      const group = startGroup(context, ['npm', 'start'], await copyOfProject(), environment);
      const { address } = JSON.parse(await group.said('"listening"')) as { address: string };
      await group.said('"ready"');
      // Keeps the service draining while npm hands the signal on.
      const answer = predict(address, await plainPng(heavyColour(3)));
      const runs = () => readMetric(address, 'cv_batch_size_images_count');
      await vi.waitFor(async () => expect(await runs()).toBeGreaterThan(0), {
        timeout: 10_000,
        interval: 10,
      });
      group.send(signal);
      // npm hands on what it gets; where it is so quick that both arrive as one, this is the second.
      await group.said('"draining"');
      group.send(signal);
      expectColour(await answer, heavyColour(3));
      expect(await group.exit).toEqual([0, null]);
      const levels = group.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line).level);
      expect(levels).not.toContain('error');
      expect(group.lines.filter((line) => line.includes('"drained"'))).toHaveLength(1);
    },
  );

  it.for(['SIGINT', 'SIGTERM'] as const)(
    'is no fault of a model that is being loaded, on %s',
    { timeout: LONG_TEST },
    async (signal, context) => {
      const model = await writeModelFolder(unloadableModel(), undefined, await folders.next());
      const group = startGroup(context, [process.execPath, 'dist/service/main.js'], ROOT, {
        MODEL_URI: model,
      });
      await group.said('"listening"');
      group.send(signal);
      expect(await group.exit).toEqual([0, null]);
      expect(group.lines.at(-1)).toContain('"drained"');
    },
  );
});

/** Gives a command a terminal of its own; part of every Debian. */
const SCRIPT = '/usr/bin/script';

describe('Ctrl-C in a terminal', () => {
  it.skipIf(!existsSync(SCRIPT))(
    `ends npm start, which gets it too, without a word of error (needs ${SCRIPT})`,
    { timeout: LONG_TEST },
    async ({ onTestFinished }) => {
      const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
      const settings = { HOST: '127.0.0.1', PORT: '0', WORKERS: '1', LOG_FORMAT: 'json' };
      const terminal = spawn(SCRIPT, ['-qefc', 'exec npm start', '/dev/null'], {
        cwd: await copyOfProject(),
        detached: true,
        env: { PATH, HOME, TMPDIR, ...settings },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => killGroup(terminal));
      let shown = '';
      terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
        shown += text;
      });
      const exit = once(terminal, 'close');
      await vi.waitFor(() => expect(shown).toContain('"ready"'), { timeout: 60_000, interval: 20 });
      terminal.stdin.write('\x03');
      expect(await exit).toEqual([0, null]);
      expect(shown).toContain('"drained"');
      expect(shown).not.toMatch(/"level":"(error|fatal)"|npm error/);
    },
  );
});
