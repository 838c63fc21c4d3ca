import {
  closedLoop,
  describeFailures,
  type LoadResult,
  type OverloadJob,
  overload as offer,
} from '../load.js';
import { type Bench, LEAD_SECONDS, type Measurement, ratios, type Scenario, shotAt } from '../scenario.js';
import type { Server } from '../server-process.js';
import { quantile } from '../statistics.js';
import { openWindow } from '../window.js';

/** Fewer clients saturate it as well if they get this much of what the best number of them gets. */
const SATURATED = 0.97;
const CLIENTS_FACTOR = 4;
const ARRIVALS_FACTOR = 3;
/** The least that Retry-After says. */
const OBEDIENT_PAUSE_MS = 1_000;

type Offer = OverloadJob['offer'];

/** One way to ask for too much, measured again in every round. */
interface Load {
  readonly label: string;
  readonly offer: (peak: number) => Offer;
  readonly results: LoadResult[];
}

/** Whether too much to do keeps the service from doing what it can. */
export const overload: Scenario = {
  name: 'overload',
  description: `${CLIENTS_FACTOR} times the clients that saturate it, obedient and hasty, and ${ARRIVALS_FACTOR} times the arrivals that it can answer`,
  async run(bench) {
    const { options } = bench;
    const service = await bench.startService({ REQUEST_TIMEOUT_MS: String(options.deadlineMs) });
    try {
      const clients = await saturatingClients(bench, service);
      const loads = loadsOf(bench, clients * CLIENTS_FACTOR);
      const peaks: number[] = [];
      for (let round = 0; round < options.rounds; round++) {
        bench.progress(`round ${round + 1}`);
        const peak = await peakOf(bench, service, clients);
        peaks.push(peak);
        for (const { offer, results } of loads) results.push(await exceed(bench, service, offer(peak)));
      }
      return report(bench, clients, peaks, loads);
    } finally {
      await service.stop();
    }
  },
};

/** The fewest clients that get as much out of it as any number of them. */
async function saturatingClients(bench: Bench, service: Server): Promise<number> {
  const clients = [...bench.options.clients].sort((one, other) => one - other);
  // The first requests of a process are slow.
  await peakOf(bench, service, Math.max(...clients));
  const peaks: number[] = [];
  for (const each of clients) peaks.push(await peakOf(bench, service, each));
  const index = peaks.findIndex((peak) => peak >= SATURATED * Math.max(...peaks));
  return clients[index] ?? Math.max(...clients);
}

function loadsOf({ options }: Bench, clients: number): Load[] {
  const crowd = (label: string, pauseAfterRefusalMs: number): Load => ({
    label: `${clients} clients, back ${label}`,
    offer: () => ({ clients, pauseAfterRefusalMs }),
    results: [],
  });
  return [
    crowd('when Retry-After says', OBEDIENT_PAUSE_MS),
    crowd(`after ${options.pauseAfterRefusalMs} ms`, options.pauseAfterRefusalMs),
    {
      label: `${ARRIVALS_FACTOR} x peak arrivals`,
      offer: (peak) => ({ arrivalsPerSecond: peak * ARRIVALS_FACTOR }),
      results: [],
    },
  ];
}

async function peakOf({ options, subject }: Bench, service: Server, clients: number): Promise<number> {
  const window = openWindow(LEAD_SECONDS, options.seconds);
  const { acceptedMs } = await closedLoop({ ...shotAt(service, subject), clients, window });
  return acceptedMs.length / options.seconds;
}

function exceed(bench: Bench, service: Server, load: Offer): Promise<LoadResult> {
  const window = openWindow(LEAD_SECONDS, bench.options.seconds);
  return offer({ ...shotAt(service, bench.subject), offer: load, window });
}

function report({ options }: Bench, clients: number, peaks: readonly number[], loads: readonly Load[]) {
  return [
    { name: 'peak', unit: 'images/s', values: peaks, note: `${clients} clients` } as const,
    ...loads.flatMap(({ label, results }) => outcome(label, results, peaks, options)),
  ];
}

function outcome(
  load: string,
  results: readonly LoadResult[],
  peaks: readonly number[],
  { seconds, deadlineMs }: Bench['options'],
): Measurement[] {
  const goodput = results.map(
    ({ acceptedMs }) => acceptedMs.filter((ms) => ms <= deadlineMs).length / seconds,
  );
  const each = (of: (result: LoadResult) => number): number[] => results.map(of);
  return [
    { name: `${load}: goodput / peak`, unit: 'ratio', values: ratios(goodput, peaks) },
    {
      name: `${load}: accepted within the deadline`,
      unit: 'share',
      values: each(
        ({ acceptedMs }) => acceptedMs.filter((ms) => ms <= deadlineMs).length / acceptedMs.length,
      ),
      note: `${deadlineMs} ms`,
    },
    { name: `${load}: accepted, p99`, unit: 'ms', values: each((one) => quantile(one.acceptedMs, 0.99)) },
    { name: `${load}: refused`, unit: 'count', values: each((one) => one.refusedMs.length) },
    { name: `${load}: refusal, p99`, unit: 'ms', values: each((one) => quantile(one.refusedMs, 0.99)) },
    { name: `${load}: refusal, worst`, unit: 'ms', values: each((one) => quantile(one.refusedMs, 1)) },
    {
      name: `${load}: neither answered nor refused`,
      unit: 'count',
      values: each((one) => Object.values(one.failures).reduce((sum, count) => sum + count, 0)),
      note: results.map((one) => describeFailures(one.failures)).find((text) => text !== '') ?? '',
    },
    {
      name: `${load}: load generator, share of one core`,
      unit: 'share',
      values: each((one) => one.cpuSeconds / seconds),
    },
  ];
}
