import { bareLoops } from '../bare-loop.js';
import { closedLoop, expectNoFailures } from '../load.js';
import { type Bench, inTurn, LEAD_SECONDS, type Scenario, serversOf, shotAt } from '../scenario.js';
import type { Server } from '../server-process.js';
import { median } from '../statistics.js';
import { openWindow } from '../window.js';

/** What serving adds to a single request on an idle machine. */
export const loneClient: Scenario = {
  name: 'lone-client',
  description: 'one request at a time, medians',
  async run(bench) {
    const stages = { decodeMs: [], resampleMs: [], runMs: [], totalMs: [] } as Stages;
    const servers = serversOf(bench).map((server) => ({ server, medians: [] as number[] }));
    const measures = [
      () => measureBare(bench, stages),
      ...servers.map((each) => async () => void each.medians.push(await medianOf(bench, each.server))),
    ];
    for (let round = 0; round < bench.options.rounds; round++) {
      bench.progress(`round ${round + 1}`);
      for (const measure of inTurn(measures, round)) await measure();
    }
    return [
      { name: 'bare: decode', unit: 'ms', values: stages.decodeMs },
      { name: 'bare: resample', unit: 'ms', values: stages.resampleMs },
      { name: 'bare: run', unit: 'ms', values: stages.runMs },
      { name: 'bare: together', unit: 'ms', values: stages.totalMs },
      ...servers.flatMap(({ server, medians }) => [
        { name: `${server.name}, lone client`, unit: 'ms' as const, values: medians },
        {
          name: `${server.name} - bare`,
          unit: 'ms' as const,
          values: medians.map((value, round) => value - (stages.totalMs[round] ?? Number.NaN)),
        },
      ]),
    ];
  },
};

type Stages = Record<'decodeMs' | 'resampleMs' | 'runMs' | 'totalMs', number[]>;

async function measureBare({ subject, options }: Bench, stages: Stages): Promise<void> {
  const [loop] = await bareLoops(subject, 1, options.seconds);
  if (loop === undefined) return;
  for (const stage of ['decodeMs', 'resampleMs', 'runMs', 'totalMs'] as const) {
    stages[stage].push(median(loop[stage]));
  }
}

async function medianOf({ subject, options }: Bench, server: Server): Promise<number> {
  const window = openWindow(LEAD_SECONDS, options.seconds);
  const load = await closedLoop({ ...shotAt(server, subject), clients: 1, window });
  expectNoFailures(server.name, load);
  return median(load.acceptedMs);
}
