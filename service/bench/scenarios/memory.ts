import { expectNoFailures, volley } from '../load.js';
import { residentBytes } from '../process-stats.js';
import { type Bench, type Measurement, type Scenario, shotAt } from '../scenario.js';
import type { Server } from '../server-process.js';
import { slope } from '../statistics.js';

const VOLLEYS = 20;
/** The first are for caches and pools to fill. */
const WARM_UP = 5;
const VOLLEY_TIMEOUT_MS = 600_000;

type Sample = readonly [requests: number, bytes: number];

/** Whether the service gives back what it takes. */
export const memory: Scenario = {
  name: 'memory',
  description: 'resident memory over many requests',
  async run(bench) {
    const service = await bench.startService({});
    try {
      return report(await watch(bench, service));
    } finally {
      await service.stop();
    }
  },
};

async function watch(bench: Bench, service: Server): Promise<Sample[]> {
  const { options, subject } = bench;
  const clients = Math.max(...options.clients);
  const requests = Math.max(clients, Math.ceil(options.requests / VOLLEYS));
  const samples: Sample[] = [[0, resident(service)]];
  for (let sent = 1; sent <= VOLLEYS; sent++) {
    bench.progress(`${sent * requests} requests`);
    const shots = { ...shotAt(service, subject), clients, requests };
    expectNoFailures('service', await volley(shots, VOLLEY_TIMEOUT_MS));
    samples.push([sent * requests, resident(service)]);
  }
  return samples;
}

function resident({ pid }: Server): number {
  return (pid === undefined ? undefined : residentBytes(pid)) ?? Number.NaN;
}

function report(samples: readonly Sample[]): Measurement[] {
  const settled = samples.slice(WARM_UP);
  const [requests, last] = samples.at(-1) ?? [0, Number.NaN];
  const note = `after ${requests} requests`;
  return [
    { name: 'resident, ready', unit: 'bytes', values: [samples[0]?.[1] ?? Number.NaN] },
    { name: 'resident, warmed up', unit: 'bytes', values: [settled[0]?.[1] ?? Number.NaN] },
    { name: 'resident, end', unit: 'bytes', values: [last], note },
    { name: 'resident, highest', unit: 'bytes', values: [Math.max(...samples.map(([, bytes]) => bytes))] },
    { name: 'growth per request, once warm', unit: 'bytes', values: [slope(settled)], note },
  ];
}
