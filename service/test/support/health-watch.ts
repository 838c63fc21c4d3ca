import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Between two looks, milliseconds. */
const PAUSE_MS = 5;

/** How long GET /health took at the worst while something went on, milliseconds; asked again and again. */
export async function worstHealthMs(url: string, during: () => Promise<unknown>): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const over = new AbortController();
  const watching = watch(url, agent, over.signal);
  try {
    await during();
  } finally {
    over.abort();
  }
  const worstMs = await watching;
  agent.destroy();
  return worstMs;
}

async function watch(url: string, agent: Agent, over: AbortSignal): Promise<number> {
  let worstMs = 0;
  do {
    const startedAt = performance.now();
    await askHealth(url, agent);
    worstMs = Math.max(worstMs, performance.now() - startedAt);
    await sleep(PAUSE_MS);
  } while (!over.aborted);
  return worstMs;
}

function askHealth(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL('/health', url), { agent }, (answer) => {
      answer.resume().once('end', resolve);
    });
    asked.once('error', reject).end();
  });
}
