import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks, milliseconds. */
const PAUSE_MS = 5;

/** Who is asked. */
interface Asked {
  readonly url: string;
  readonly pid: number;
}

/**
 * How long GET /health took at the worst while something went on, milliseconds; asked again and again. Without the time
 * that both sides waited for a processor: the machine runs other tests meanwhile (Linux).
 */
export async function worstHealthMs(asked: Asked, during: () => Promise<unknown>): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const over = new AbortController();
  const watching = watch(asked, agent, over.signal);
  try {
    await during();
  } finally {
    over.abort();
  }
  const worstMs = await watching;
  agent.destroy();
  return worstMs;
}

async function watch({ url, pid }: Asked, agent: Agent, over: AbortSignal): Promise<number> {
  let worstMs = 0;
  do {
    const startedAt = performance.now() - waitedMs(pid);
    await askHealth(url, agent);
    worstMs = Math.max(worstMs, performance.now() - waitedMs(pid) - startedAt);
    await sleep(PAUSE_MS);
  } while (!over.aborted);
  return worstMs;
}

/** How long the main thread of a process, this thread and the machine itself were ready to run and did not. */
function waitedMs(pid: number): number {
  const [, ofProcess = 0] = numbersIn(`/proc/${pid}/task/${pid}/schedstat`);
  const [, ofThread = 0] = numbersIn('/proc/thread-self/schedstat');
  const stolen = numbersIn('/proc/stat')[7] ?? 0;
  return (ofProcess + ofThread) / 1e6 + stolen * 10;
}

/** Those of the first line. Sources: Linux Documentation/scheduler/sched-stats.rst, Documentation/filesystems/proc.rst. */
function numbersIn(path: string): number[] {
  const [line = ''] = readFileSync(path, 'utf8').split('\n');
  return line.split(/\s+/).map(Number).filter(Number.isFinite);
}

function askHealth(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL('/health', url), { agent }, (answer) => {
      answer.resume().once('end', resolve);
    });
    asked.once('error', reject).end();
  });
}
