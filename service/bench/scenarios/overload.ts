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

const CLIENTS_FACTOR = 4;
const ARRIVALS_FACTOR = 3;

interface Round {
  readonly peak: number;
  readonly crowd: LoadResult;
  readonly flood: LoadResult;
}

/** Whether too much to do keeps the service from doing what it can. */
export const overload: Scenario = {
  name: 'overload',
  description: 'four times the clients that saturate it, and three times the arrivals it can answer',
  async run(bench) {
    const { options } = bench;
    const service = await bench.startService({ REQUEST_TIMEOUT_MS: String(options.deadlineMs) });
    try {
      const rounds: Round[] = [];
      for (let round = 0; round < options.rounds; round++) {
        bench.progress(`round ${round + 1}`);
        rounds.push(await measure(bench, service));
      }
      return report(bench, rounds);
    } finally {
      await service.stop();
    }
  },
};

async function measure(bench: Bench, service: Server): Promise<Round> {
  const { options, subject } = bench;
  const clients = Math.max(...options.clients);
  const window = openWindow(LEAD_SECONDS, options.seconds);
  const saturated = await closedLoop({ ...shotAt(service, subject), clients, window });
  const peak = saturated.acceptedMs.length / options.seconds;
  const { pauseAfterRefusalMs } = options;
  const crowd = await exceed(bench, service, { clients: clients * CLIENTS_FACTOR, pauseAfterRefusalMs });
  const flood = await exceed(bench, service, { arrivalsPerSecond: peak * ARRIVALS_FACTOR });
  return { peak, crowd, flood };
}

function exceed(bench: Bench, service: Server, load: OverloadJob['offer']): Promise<LoadResult> {
  const window = openWindow(LEAD_SECONDS, bench.options.seconds);
  return offer({ ...shotAt(service, bench.subject), offer: load, window });
}

function report({ options }: Bench, rounds: readonly Round[]): Measurement[] {
  const clients = Math.max(...options.clients);
  const peaks = rounds.map(({ peak }) => peak);
  const crowd = rounds.map((round) => round.crowd);
  const flood = rounds.map((round) => round.flood);
  return [
    { name: 'peak', unit: 'images/s', values: peaks, note: `${clients} clients` },
    ...outcome(`${clients * CLIENTS_FACTOR} clients`, crowd, peaks, options),
    ...outcome(`${ARRIVALS_FACTOR} x peak arrivals`, flood, peaks, options),
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
