import type { Bench, Scenario } from '../scenario.js';
import type { Server } from '../server-process.js';

/** How soon a new pod takes work. */
export const startup: Scenario = {
  name: 'startup',
  description: 'from starting the process to the first 200 of /ready',
  async run(bench) {
    const byDefault: number[] = [];
    const withSubject: number[] = [];
    for (let start = 0; start < bench.options.starts; start++) {
      bench.progress(`start ${start + 1}`);
      byDefault.push(await timeStart(() => bench.startService({ MODEL_URI: '' })));
      withSubject.push(await timeStart(() => bench.startService({})));
    }
    return [{ name: 'ready, default model', unit: 'ms', values: byDefault }, ...rowsOf(bench, withSubject)];
  },
};

function rowsOf({ subject }: Bench, values: readonly number[]) {
  return subject.modelName === 'digits'
    ? []
    : [{ name: `ready, ${subject.modelName}`, unit: 'ms' as const, values }];
}

async function timeStart(start: () => Promise<Server>): Promise<number> {
  const server = await start();
  await server.stop();
  return server.readyMs;
}
