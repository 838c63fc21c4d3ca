import { Agent, get } from 'node:http';
import { answerParent } from './child.js';
import type { ProbeJob } from './load.js';
import { now, sleepUntil } from './window.js';

const agent = new Agent({ keepAlive: true });

answerParent(async ({ url, intervalMs, window }: ProbeJob): Promise<Float64Array> => {
  await ask(url);
  const asked: Promise<number>[] = [];
  for (let at = window.fromMs; at < window.toMs; at += intervalMs) {
    await sleepUntil(at);
    asked.push(ask(url));
  }
  const times = await Promise.all(asked);
  agent.destroy();
  return Float64Array.from(times);
});

function ask(url: string): Promise<number> {
  const startedAt = now();
  return new Promise((resolve) => {
    const request = get(url, { agent, timeout: 10_000 }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode === 200 ? now() - startedAt : Infinity));
    });
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', () => resolve(Infinity));
  });
}
