import { closedLoop, probe } from '../load.js';
import { type Bench, inTurn, LEAD_SECONDS, type Scenario, serversOf, shotAt } from '../scenario.js';
import type { Server } from '../server-process.js';
import { median, quantile } from '../statistics.js';
import { openWindow } from '../window.js';

const INTERVAL_MS = 20;

/** Whether a probe gets through while every core is busy: a late answer costs the process its life. */
export const health: Scenario = {
  name: 'health',
  description: '/health every 20 ms while saturated',
  async run(bench) {
    const entries = serversOf(bench).map((server) => ({ server, probes: [] as Float64Array[] }));
    for (let round = 0; round < bench.options.rounds; round++) {
      for (const { server, probes } of inTurn(entries, round)) {
        bench.progress(`round ${round + 1}: ${server.name}`);
        probes.push(await probeUnderLoad(bench, server));
      }
    }
    return entries.flatMap(({ server, probes }) => [
      { name: `${server.name} /health, median`, unit: 'ms' as const, values: probes.map(median) },
      {
        name: `${server.name} /health, p99`,
        unit: 'ms' as const,
        values: probes.map((times) => quantile(times, 0.99)),
      },
      {
        name: `${server.name} /health, worst`,
        unit: 'ms' as const,
        values: probes.map((times) => Math.max(...times)),
      },
    ]);
  },
};

async function probeUnderLoad({ subject, options }: Bench, server: Server): Promise<Float64Array> {
  const window = openWindow(LEAD_SECONDS, options.seconds);
  const clients = Math.max(...options.clients);
  const [times] = await Promise.all([
    probe({ url: server.healthUrl, intervalMs: INTERVAL_MS, window }),
    closedLoop({ ...shotAt(server, subject), clients, window }),
  ]);
  return times;
}
