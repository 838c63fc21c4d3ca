import autocannon from 'autocannon';
import { answerParent } from './child.js';
import type { ClosedLoopJob, LoadResult } from './load.js';
import { now, ownCpuSeconds, type Window } from './window.js';

/** autocannon notices only at this pace that it was stopped. */
const SAMPLE_MS = 50;
const MARGIN_SECONDS = 30;

answerParent(async (job: ClosedLoopJob): Promise<LoadResult> => {
  const { window } = job;
  const acceptedMs: number[] = [];
  const refusedMs: number[] = [];
  const failures: Record<string, number> = {};
  /** Within the window or not: autocannon takes their bodies for wrong ones. */
  let refusals = 0;
  const isCounted = (): boolean => now() >= window.fromMs && now() < window.toMs;
  const done = fire(job, (instance) => {
    instance.on('response', (_client, status, _bytes, ms) => {
      const isRefused = status === 429 || status === 503;
      if (isRefused) refusals += 1;
      if (!isCounted()) return;
      if (status === 200) acceptedMs.push(ms);
      else if (isRefused) refusedMs.push(ms);
      else failures[status] = (failures[status] ?? 0) + 1;
    });
    stopAfter(window, instance);
  });
  const cpuSeconds = await ownCpuSeconds(window);
  const { errors, mismatches } = await done;
  if (errors > 0) failures['0'] = errors;
  if (mismatches > refusals) failures['200'] = mismatches - refusals;
  return {
    acceptedMs: Float64Array.from(acceptedMs),
    refusedMs: Float64Array.from(refusedMs),
    failures,
    cpuSeconds,
  };
});

function fire(
  job: ClosedLoopJob,
  attach: (instance: autocannon.Instance) => void,
): Promise<autocannon.Result> {
  return new Promise((resolve, reject) => {
    const { url, body, contentType, clients, window } = job;
    const options: autocannon.Options = {
      url,
      method: 'POST',
      headers: { 'content-type': contentType },
      body: Buffer.from(body),
      connections: clients,
      duration: (window.toMs - now()) / 1000 + MARGIN_SECONDS,
      sampleInt: SAMPLE_MS,
      verifyBody: (answer) => String(answer).includes('"predictions":[{'),
    };
    attach(autocannon(options, (error, result) => (error ? reject(error) : resolve(result))));
  });
}

function stopAfter(window: Window, instance: autocannon.Instance): void {
  setTimeout(() => instance.stop(), window.toMs - now());
}
