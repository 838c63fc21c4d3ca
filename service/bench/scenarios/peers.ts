import { closedLoop, describeFailures, type LoadResult, probe } from '../load.js';
import { treeBytes } from '../process-stats.js';
import { type Bench, inTurn, LEAD_SECONDS, type Measurement, type Scenario, shotAt } from '../scenario.js';
import type { Server } from '../server-process.js';
import { quantile } from '../statistics.js';
import { openWindow } from '../window.js';

const INTERVAL_MS = 20;

/** What one round measured of one server. */
interface Round {
  readonly imagesPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly healthP99Ms: number;
  readonly memoryBytes: number;
  readonly readyMs: number;
  readonly failures: string;
}

const FIGURES: readonly [keyof Omit<Round, 'failures'>, label: string, unit: Measurement['unit']][] = [
  ['imagesPerSecond', 'images/s', 'images/s'],
  ['p50Ms', 'p50', 'ms'],
  ['p99Ms', 'p99', 'ms'],
  ['healthP99Ms', '/health, p99', 'ms'],
  ['memoryBytes', 'memory', 'bytes'],
  ['readyMs', 'ready', 'ms'],
];

/** The servers that people use, one at a time on the whole machine: each is started anew in every round. */
export const peers: Scenario = {
  name: 'peers',
  description: 'the servers of loadtest/peers that PEER_VENVS has, saturated, with /health asked every 20 ms',
  async run(bench) {
    const starts = new Map([['service', () => bench.startService({})], ...bench.peers]);
    const entries = [...starts].map(([name, start]) => ({ name, start, rounds: [] as Round[] }));
    for (let round = 0; round < bench.options.rounds; round++) {
      for (const { name, start, rounds } of inTurn(entries, round)) {
        bench.progress(`round ${round + 1}: ${name}`);
        rounds.push(await measureOne(bench, start));
      }
    }
    return [...timesAsFast(entries), ...FIGURES.flatMap((figure) => rowsOf(figure, entries))];
  },
};

interface Entry {
  readonly name: string;
  readonly rounds: readonly Round[];
}

/** Images a second of the service by those of each other server, round by round. */
function timesAsFast([service, ...others]: readonly Entry[]): Measurement[] {
  return others.map(({ name, rounds }) => ({
    name: `the service by ${name}`,
    unit: 'ratio',
    values: rounds.map(
      ({ imagesPerSecond }, index) => (service?.rounds[index]?.imagesPerSecond ?? 0) / imagesPerSecond,
    ),
  }));
}

function rowsOf([figure, label, unit]: (typeof FIGURES)[number], entries: readonly Entry[]): Measurement[] {
  return entries.map(({ name, rounds }) => ({
    name: `${label}: ${name}`,
    unit,
    values: rounds.map((each) => each[figure]),
    note: rounds.find(({ failures }) => failures !== '')?.failures ?? '',
  }));
}

function describeRound({ acceptedMs, failures }: LoadResult): string {
  const described = describeFailures(failures);
  return described === '' && acceptedMs.length === 0 ? 'nothing was answered' : described;
}

async function measureOne(bench: Bench, start: () => Promise<Server>): Promise<Round> {
  const server = await start();
  try {
    const { subject, options } = bench;
    const shot = { ...shotAt(server, subject), clients: Math.max(...options.clients) };
    // The first requests of a process are slow.
    await closedLoop({ ...shot, window: openWindow(LEAD_SECONDS, 1) });
    const window = openWindow(LEAD_SECONDS, options.seconds);
    const [load, health] = await Promise.all([
      closedLoop({ ...shot, window }),
      probe({ url: server.healthUrl, intervalMs: INTERVAL_MS, window }),
    ]);
    return {
      imagesPerSecond: load.acceptedMs.length / options.seconds,
      p50Ms: quantile(load.acceptedMs, 0.5),
      p99Ms: quantile(load.acceptedMs, 0.99),
      healthP99Ms: quantile(health, 0.99),
      memoryBytes: server.pid === undefined ? Number.NaN : (treeBytes(server.pid) ?? Number.NaN),
      readyMs: server.readyMs,
      failures: describeRound(load),
    };
  } finally {
    await server.stop();
  }
}
