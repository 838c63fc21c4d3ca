import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 250;

/**
 * Asks until there is an answer.
 * @throws after `timeoutMs`, with `what` was waited for
 */
export async function until<Answer>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<Answer | undefined | false>,
): Promise<Answer> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${Math.round(timeoutMs / 1000)} s`);
    await pause(POLL_MS);
  }
}

/** What is asked of a server that may not be there yet. */
export async function answers(url: string): Promise<boolean> {
  try {
    const { body } = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await body?.cancel();
    return true;
  } catch {
    return false;
  }
}
