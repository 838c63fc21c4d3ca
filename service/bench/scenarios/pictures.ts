import { setTimeout as sleep } from 'node:timers/promises';
import { closedLoop, expectNoFailures, probe } from '../load.js';
import { makePictures, type Picture } from '../pictures.js';
import { cpuSeconds, treeBytes } from '../process-stats.js';
import { type Bench, inTurn, LEAD_SECONDS, type Measurement, ratios, type Scenario } from '../scenario.js';
import type { Server } from '../server-process.js';
import { quantile } from '../statistics.js';
import { openWindow, secondsOf } from '../window.js';

const CLIENTS = 8;
const PROBE_INTERVAL_MS = 20;
const MEMORY_INTERVAL_MS = 200;
/** After the last picture: how long the memory has to come back. */
const REST_MS = 60_000;

/** Somebody who answers pictures. */
interface Subject {
  readonly label: string;
  readonly server: Server;
  readonly memory: number[];
}

/** One kind of picture, or all at once, sent to one subject, measured again in every round. */
interface Entry {
  readonly subject: Subject;
  readonly label: string;
  readonly pictures: readonly Picture[];
  readonly rates: number[];
  readonly cpuMsPerImage: number[];
  readonly healthMs: number[];
}

/** What large photographs and formats other than JPEG cost: answers, the patience of probes, memory. */
export const pictures: Scenario = {
  name: 'pictures',
  description: `${CLIENTS} clients, each kind of picture alone and all at once; /health every ${PROBE_INTERVAL_MS} ms`,
  async run(bench) {
    const files = await makePictures(bench.subject.photoPath);
    const own = await startOwn(bench);
    try {
      const subjects = [...own, ...(bench.peer === undefined ? [] : [subjectOf('peer', bench.peer)])];
      return await measureAll(bench, subjects, files);
    } finally {
      await Promise.all(own.map(({ server }) => server.stop()));
    }
  },
};

/** Services of their own, whose memory nothing else has moved. */
async function startOwn({ startService, subject }: Bench): Promise<Subject[]> {
  const exact = subjectOf('exact', await startService({}));
  if (subject.fastModelFolder === undefined) return [exact];
  return [exact, subjectOf('fast', await startService({ MODEL_URI: subject.fastModelFolder }))];
}

function subjectOf(label: string, server: Server): Subject {
  return { label, server, memory: [] };
}

async function measureAll(
  bench: Bench,
  subjects: readonly Subject[],
  files: readonly Picture[],
): Promise<Measurement[]> {
  const loads = [
    ...files.map((file) => ({ label: file.name, pictures: [file] })),
    { label: 'all', pictures: files },
  ];
  const entries = loads.flatMap((load) =>
    subjects.map((subject): Entry => ({ ...load, subject, rates: [], cpuMsPerImage: [], healthMs: [] })),
  );
  const usual: Picture = { name: 'usual', contentType: 'image/jpeg', body: bench.subject.image };
  for (const subject of subjects) await measure(bench, { ...warmUp(subject), pictures: [usual] });
  const warm = subjects.map(memoryOf);
  for (let round = 0; round < bench.options.rounds; round++) {
    for (const entry of inTurn(entries, round)) {
      bench.progress(`round ${round + 1}: ${entry.label}, ${entry.subject.label}`);
      await measure(bench, entry);
    }
  }
  bench.progress('memory');
  await sleep(REST_MS);
  const memory = subjects.flatMap((subject, index) => memoryRows(subject, warm[index] ?? Number.NaN));
  return [
    ...loads.flatMap(({ label }) => rowsOf(entries.filter((entry) => entry.label === label))),
    ...memory,
  ];
}

function warmUp(subject: Subject): Entry {
  return { subject, label: 'warm-up', pictures: [], rates: [], cpuMsPerImage: [], healthMs: [] };
}

async function measure({ options }: Bench, entry: Entry): Promise<void> {
  const { subject, pictures, label } = entry;
  const { server } = subject;
  const window = openWindow(LEAD_SECONDS, options.seconds);
  const clients = Math.ceil(CLIENTS / pictures.length);
  const watch = setInterval(() => void subject.memory.push(memoryOf(subject)), MEMORY_INTERVAL_MS);
  const [cpu, probes, ...loads] = await Promise.all([
    server.pid === undefined ? undefined : cpuSeconds(server.pid, window),
    probe({ url: server.healthUrl, intervalMs: PROBE_INTERVAL_MS, window }),
    ...pictures.map(({ contentType, body }) =>
      closedLoop({ url: server.predictUrl, contentType, body, clients, window }),
    ),
  ]);
  clearInterval(watch);
  for (const load of loads) expectNoFailures(`${label}, ${subject.label}`, load);
  const images = loads.reduce((sum, { acceptedMs }) => sum + acceptedMs.length, 0);
  entry.rates.push(images / secondsOf(window));
  entry.cpuMsPerImage.push(((cpu ?? Number.NaN) / images) * 1000);
  entry.healthMs.push(quantile(probes, 0.99));
}

function memoryOf({ server: { pid } }: Subject): number {
  return (pid === undefined ? undefined : treeBytes(pid)) ?? Number.NaN;
}

function rowsOf(entries: readonly Entry[]): Measurement[] {
  const peer = entries.find(({ subject }) => subject.label === 'peer');
  return entries.flatMap((entry): Measurement[] => {
    const name = `${entry.label}, ${entry.subject.label}`;
    const rate = { name, unit: 'images/s', values: entry.rates } as const;
    const cpu = { name: `${name}: CPU per image`, unit: 'ms', values: entry.cpuMsPerImage } as const;
    const health = { name: `${name}: /health, p99`, unit: 'ms', values: entry.healthMs } as const;
    if (peer === undefined || entry === peer) return [rate, cpu, health];
    const ratio = { name: `${name} / peer`, unit: 'ratio', values: ratios(entry.rates, peer.rates) } as const;
    return [rate, ratio, cpu, health];
  });
}

function memoryRows(subject: Subject, warm: number): Measurement[] {
  const after = memoryOf(subject);
  const row = (what: string, bytes: number): Measurement => ({
    name: `${subject.label}: memory, ${what}`,
    unit: 'bytes',
    values: [bytes],
  });
  return [
    row('warm', warm),
    row('highest', Math.max(warm, ...subject.memory)),
    row('a minute later', after),
    { name: `${subject.label}: memory, a minute later / warm`, unit: 'ratio', values: [after / warm] },
  ];
}
