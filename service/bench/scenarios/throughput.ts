import { bareLoops } from '../bare-loop.js';
import { closedLoop, expectNoFailures } from '../load.js';
import { cpuSeconds } from '../process-stats.js';
import {
  type Bench,
  inTurn,
  LEAD_SECONDS,
  type Measurement,
  ratios,
  type Scenario,
  serversOf,
  shotAt,
} from '../scenario.js';
import type { Server } from '../server-process.js';
import { median, quantile } from '../statistics.js';
import { openWindow, secondsOf } from '../window.js';

/** One subject of comparison under one load, measured again in every round. */
interface Entry {
  readonly label: string;
  readonly server: Server | undefined;
  readonly clients: number;
  readonly rates: number[];
  readonly cpuMsPerImage: number[];
  readonly generatorMsPerImage: number[];
  readonly p99Ms: number[];
}

/** How much of what the machine can do is left after HTTP, queues and threads. */
export const throughput: Scenario = {
  name: 'throughput',
  description: 'closed loop, raw image/jpeg bodies, against loops without HTTP',
  async run(bench) {
    const bare = entry('bare loop', undefined, bench.cores);
    const served = serversOf(bench).flatMap((server) =>
      bench.options.clients.map((clients) => entry(`${server.name}, ${clients} clients`, server, clients)),
    );
    for (let round = 0; round < bench.options.rounds; round++) {
      for (const each of inTurn([bare, ...served], round)) {
        bench.progress(`round ${round + 1}: ${each.label}`);
        await measure(bench, each);
      }
    }
    return report(bare, served);
  },
};

function entry(label: string, server: Server | undefined, clients: number): Entry {
  return { label, server, clients, rates: [], cpuMsPerImage: [], generatorMsPerImage: [], p99Ms: [] };
}

async function measure(bench: Bench, each: Entry): Promise<void> {
  if (each.server === undefined) await measureBare(bench, each);
  else await measureServer(bench, each, each.server);
}

async function measureBare({ subject, options }: Bench, each: Entry): Promise<void> {
  const loops = await bareLoops(subject, each.clients, options.seconds);
  const images = loops.reduce((sum, { totalMs }) => sum + totalMs.length, 0);
  each.rates.push(loops.reduce((sum, { rate }) => sum + rate, 0));
  each.cpuMsPerImage.push((loops.reduce((sum, loop) => sum + loop.cpuSeconds, 0) / images) * 1000);
}

async function measureServer({ subject, options }: Bench, each: Entry, server: Server): Promise<void> {
  const window = openWindow(LEAD_SECONDS, options.seconds);
  const [load, cpu] = await Promise.all([
    closedLoop({ ...shotAt(server, subject), clients: each.clients, window }),
    server.pid === undefined ? undefined : cpuSeconds(server.pid, window),
  ]);
  const images = load.acceptedMs.length;
  expectNoFailures(each.label, load);
  each.rates.push(images / secondsOf(window));
  each.cpuMsPerImage.push(((cpu ?? Number.NaN) / images) * 1000);
  each.generatorMsPerImage.push((load.cpuSeconds / images) * 1000);
  each.p99Ms.push(quantile(load.acceptedMs, 0.99));
}

function report(bare: Entry, served: readonly Entry[]): Measurement[] {
  const rates = [bare, ...served].map(
    ({ label, rates }): Measurement => ({ name: label, unit: 'images/s', values: rates }),
  );
  const service = best(served, 'service');
  const peer = best(served, 'peer');
  return [
    ...rates,
    ...against('service', service, 'bare loop', bare),
    ...(peer === undefined ? [] : against('peer', peer, 'bare loop', bare)),
    ...(peer === undefined ? [] : against('service', service, 'peer', peer)),
    ...costs('bare loop', bare),
    ...costs('service', service),
    ...costs('peer', peer),
  ];
}

/** The load under which a server answers most. */
function best(entries: readonly Entry[], name: Server['name']): Entry | undefined {
  const own = entries.filter(({ server }) => server?.name === name);
  return own.sort((one, other) => median(other.rates) - median(one.rates))[0];
}

function against(name: string, each: Entry | undefined, otherName: string, other: Entry): Measurement[] {
  if (each === undefined) return [];
  const note = `${each.clients} clients`;
  return [{ name: `${name} / ${otherName}`, unit: 'ratio', values: ratios(each.rates, other.rates), note }];
}

function costs(name: string, each: Entry | undefined): Measurement[] {
  if (each === undefined) return [];
  const cpu: Measurement = { name: `${name}, CPU per image`, unit: 'ms', values: each.cpuMsPerImage };
  if (each.server === undefined) return [cpu];
  return [
    cpu,
    { name: `${name}'s load generator, CPU per image`, unit: 'ms', values: each.generatorMsPerImage },
    { name: `${name}, p99`, unit: 'ms', values: each.p99Ms, note: `${each.clients} clients` },
  ];
}
