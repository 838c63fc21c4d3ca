import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { Metrics } from '../telemetry/metrics.js';
import { RequestRecord } from '../telemetry/request-record.js';
import { type BatchRun, spansFrom } from '../telemetry/stages.js';
import { exemplarOf, type TraceContext } from '../telemetry/trace-context.js';
import { openTracing } from '../telemetry/tracing/open-tracing.js';
import type { Tracing } from '../telemetry/tracing/tracing.js';

/** What traces cost a request: `npm run build && node dist/service/bench/tracing.js`. */
const ROUNDS = 5;
const REQUESTS = 10_000;
/** Requests between two pauses, in which spans are sent: fewer than fill the queue. */
const VOLLEY = 50;
const PAUSE_MS = 2;

const SINK = `require('node:http').createServer((request, response) => request.resume().on('end', () => response.end()))
  .listen(0, '127.0.0.1', function () { console.log(this.address().port); })`;
const COLLECTED = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
const NOT_COLLECTED = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' };

/** A request for one image, alone in its run, as the service records it. */
function recordOf(trace: TraceContext | undefined): RequestRecord {
  const now = performance.now();
  const traces = trace === undefined ? [] : [trace];
  const batch: BatchRun = { startedAt: now, durationMs: 3, images: 1, traces };
  const spans = spansFrom(now, [
    { stage: 'decode', durationMs: 2 },
    { stage: 'queue', durationMs: 1 },
    { stage: 'inference', durationMs: 3, batch },
    { stage: 'postprocess', durationMs: 0.1 },
  ]);
  const image = { width: 640, height: 480, format: 'jpeg' };
  const model = { reference: { name: 'digits', version: '1.0.0' } };
  const images = [{ outcome: 'ok', image, spans, observed: { labels: [], scores: [] } }] as const;
  return Object.assign(new RequestRecord(), { model, images, bytes: 50_000, trace });
}

function request(tracing: Tracing | undefined, metrics: Metrics, headers: Record<string, string>): void {
  const startedAt = performance.now();
  const trace = tracing?.begin({
    startedAt,
    requestId: 'cffd3e14-645c-440a-97ca-8b1d6268180e',
    method: 'POST',
    route: '/predict',
    path: '/predict',
    headers,
  });
  const record = recordOf(trace);
  const labels = { method: 'POST', route: '/predict', status: '200' };
  metrics.httpDuration.observe({ labels, value: 0.006, exemplarLabels: exemplarOf(record.trace) });
  trace?.end({ record, status: 200 });
}

/** CPU time of the whole process, microseconds a request: the best of some rounds. */
async function measure(work: () => void): Promise<number> {
  const rounds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let done = 1; done <= REQUESTS; done++) {
      work();
      if (done % VOLLEY === 0) await pause(PAUSE_MS);
    }
    const { user, system } = process.cpuUsage(before);
    rounds.push((user + system) / REQUESTS);
  }
  return Math.min(...rounds);
}

const sink = spawn(process.execPath, ['-e', SINK], { stdio: ['ignore', 'pipe', 'inherit'] });
const [port] = await once(sink.stdout, 'data');
const metrics = new Metrics();
const { tracing } = openTracing(
  {
    url: `http://127.0.0.1:${String(port).trim()}/v1/traces`,
    protocol: 'http/protobuf',
    serviceName: undefined,
    sampler: 'parentbased_always_on',
    share: 1,
  },
  '0.0.0',
  pino(),
);
const rows = [
  ['off: its record and its duration', () => request(undefined, metrics, {})],
  ['on, its caller does not collect it', () => request(tracing, metrics, NOT_COLLECTED)],
  ['on, collected and sent: six spans', () => request(tracing, metrics, COLLECTED)],
] as const;
console.log('| a request | microseconds of CPU |\n|---|---:|');
for (const [name, work] of rows) console.log(`| ${name} | ${(await measure(work)).toFixed(1)} |`);
sink.kill();
process.exit();
