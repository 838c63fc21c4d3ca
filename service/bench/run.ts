import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.js';
import { readCpuBudget } from '../machine.js';
import { type CommandLine, readCommandLine, USAGE } from './options.js';
import { describeMachine, headline, type Report, table } from './report.js';
import type { Bench, Measurement, Scenario } from './scenario.js';
import { health } from './scenarios/health.js';
import { loneClient } from './scenarios/lone-client.js';
import { memory } from './scenarios/memory.js';
import { overload } from './scenarios/overload.js';
import { peers } from './scenarios/peers.js';
import { pictures } from './scenarios/pictures.js';
import { startup } from './scenarios/startup.js';
import { throughput } from './scenarios/throughput.js';
import { PEERS, type Server, startPeer, startService, usePeer } from './server-process.js';
import { prepareSubject, type Subject } from './subject.js';

const SCENARIOS: readonly Scenario[] = [
  throughput,
  loneClient,
  health,
  overload,
  pictures,
  startup,
  memory,
  peers,
];

/** The environment of the whole bench; the processes it starts get it too. */
const environment = process.env;

async function main(): Promise<void> {
  const options = readCommandLine(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  const scenarios = choose(options.only);
  const subject = await prepareSubject(environment['CV_TEST_DATA'], options.image);
  try {
    await measure(scenarios, subject, options);
  } finally {
    await subject.remove();
  }
}

function choose(only: readonly string[]): readonly Scenario[] {
  const unknown = only.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown !== undefined) throw new Error(`there is no scenario ${unknown}\n${USAGE}`);
  return only.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => only.includes(name));
}

async function measure(
  scenarios: readonly Scenario[],
  subject: Subject,
  options: CommandLine,
): Promise<void> {
  const cores = Math.max(1, Math.floor(readCpuBudget().cores));
  const machine = describeMachine(cores);
  const start = (settings: Readonly<Record<string, string>>): Promise<Server> =>
    startService({ ...environment, MODEL_URI: subject.modelFolder, ...settings });
  const service = await start({});
  const peer = await findPeer(subject).catch(async (error: unknown) => {
    await service.stop();
    throw error;
  });
  const results: Record<string, readonly Measurement[]> = {};
  const report: Report = {
    date: new Date().toISOString(),
    command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
    machine,
    node: process.version,
    subject: { model: subject.modelName, image: subject.imageName, imageBytes: subject.image.byteLength },
    peer: peer === undefined ? 'none (PEER_PYTHON or PEER_URL, with CV_TEST_DATA)' : 'loadtest/peers/fastapi',
    results,
  };
  console.log(headline(report));
  try {
    for (const scenario of scenarios) {
      const progress = (text: string): void => showProgress(`${scenario.name}: ${text}`);
      const bench: Bench = {
        subject,
        options,
        cores,
        service,
        peer,
        peers: installedPeers(subject),
        startService: start,
        progress,
      };
      results[scenario.name] = await scenario.run(bench);
      showProgress('');
      if (options.json !== undefined)
        await writeFile(options.json, `${JSON.stringify(report, undefined, 2)}\n`);
      console.log(`\n${scenario.name}: ${scenario.description}\n${table(results[scenario.name] ?? [])}`);
    }
  } finally {
    await Promise.all([service.stop(), peer?.stop()]);
  }
}

async function findPeer({ peerModel }: Subject): Promise<Server | undefined> {
  const url = environment['PEER_URL'];
  const python = environment['PEER_PYTHON'];
  if (peerModel === undefined) return undefined;
  if (url !== undefined) return usePeer(url);
  return python === undefined ? undefined : startPeer(python, peerModel, environment);
}

/** Those that have a virtual environment of their name in the folder PEER_VENVS. */
function installedPeers({ peerModel }: Subject): Bench['peers'] {
  const folder = environment['PEER_VENVS'];
  if (folder === undefined || peerModel === undefined) return new Map();
  return new Map(
    Object.keys(PEERS)
      .map((name) => ({ name, bin: join(folder, name, 'bin') }))
      .filter(({ bin }) => existsSync(join(bin, 'python')))
      .map(({ name, bin }) => {
        const settings = { ...environment, PATH: `${bin}:${environment['PATH']}` };
        return [name, () => startPeer(join(bin, 'python'), peerModel, settings, name)];
      }),
  );
}

/** One line that is overwritten, for whoever watches. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
main().catch((error: unknown) => {
  console.error(messageOf(error));
  process.exitCode = 1;
});
