import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerParent } from './child.js';
import type { LoadResult, OverloadJob, Shot } from './load.js';
import { now, ownCpuSeconds, sleepUntil } from './window.js';

/**
 * Not autocannon: it miscounts where a server refuses before it has read the body and closes the connection,
 * and each of its clients waits for its answer, so that its arrivals slow down with the server.
 */
const MAX_SOCKETS = 1024;
const TIMEOUT_MS = 15_000;
const TICK_MS = 2;

const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });

interface Tally {
  readonly acceptedMs: number[];
  readonly refusedMs: number[];
  readonly failures: Record<string, number>;
}

answerParent(async (job: OverloadJob): Promise<LoadResult> => {
  const tally: Tally = { acceptedMs: [], refusedMs: [], failures: {} };
  const cpu = ownCpuSeconds(job.window);
  await ('clients' in job.offer ? clients(job, job.offer, tally) : arrivals(job, job.offer, tally));
  const cpuSeconds = await cpu;
  agent.destroy();
  return {
    acceptedMs: Float64Array.from(tally.acceptedMs),
    refusedMs: Float64Array.from(tally.refusedMs),
    failures: tally.failures,
    cpuSeconds,
  };
});

async function clients(
  job: OverloadJob,
  offer: { readonly clients: number; readonly pauseAfterRefusalMs: number },
  tally: Tally,
): Promise<void> {
  const client = async (): Promise<void> => {
    while (now() < job.window.toMs) {
      const status = await fire(job, now(), tally);
      if (status !== 200) await sleep(offer.pauseAfterRefusalMs);
    }
  };
  await Promise.all(Array.from({ length: offer.clients }, client));
}

/** Poisson arrivals: they come when they come. A request's time counts from its arrival, not from when it was sent. */
async function arrivals(
  job: OverloadJob,
  offer: { readonly arrivalsPerSecond: number },
  tally: Tally,
): Promise<void> {
  const pending: Promise<unknown>[] = [];
  let at = now();
  while (at < job.window.toMs) {
    if (at > now()) await sleepUntil(Math.max(at, now() + TICK_MS));
    pending.push(fire(job, at, tally));
    at += (-Math.log(1 - Math.random()) / offer.arrivalsPerSecond) * 1000;
  }
  await Promise.race([Promise.all(pending), sleep(2000)]);
}

async function fire(job: OverloadJob, arrivedAt: number, tally: Tally): Promise<number> {
  const status = await post(job);
  const answeredAt = now();
  if (answeredAt < job.window.fromMs || answeredAt >= job.window.toMs) return status;
  const ms = answeredAt - arrivedAt;
  if (status === 200) tally.acceptedMs.push(ms);
  else if (status === 429 || status === 503) tally.refusedMs.push(ms);
  else tally.failures[status] = (tally.failures[status] ?? 0) + 1;
  return status;
}

/** Resolves with the status, or 0 where there was none. */
function post({ url, contentType, body }: Shot): Promise<number> {
  return new Promise((resolve) => {
    const headers = { 'content-type': contentType, 'content-length': body.byteLength };
    const sent = request(url, { method: 'POST', agent, headers, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      response.once('close', () => resolve(response.complete ? (response.statusCode ?? 0) : 0));
    });
    sent.once('timeout', () => sent.destroy(new Error('no answer')));
    sent.once('error', () => resolve(0));
    sent.end(body);
  });
}
