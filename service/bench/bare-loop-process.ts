import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PreparedModel } from '../inference/prepared-model.js';
import { rowOf } from '../inference/row.js';
import { createSession } from '../inference/session.js';
import { parseManifest } from '../model/manifest.js';
import { resolveModelSpec } from '../model/model-spec.js';
import { createDecoder, type Decoder } from '../preprocess/decode.js';
import type { BareLoopJob, BareLoopResult } from './bare-loop.js';
import { answerParent } from './child.js';
import { now, type Window } from './window.js';

const MAX_PIXELS = 100_000_000;
const never = new AbortController().signal;

interface Pieces {
  readonly decoder: Decoder;
  readonly model: PreparedModel;
}

interface Lap {
  readonly decodeMs: number;
  readonly resampleMs: number;
  readonly runMs: number;
  readonly totalMs: number;
}

answerParent(async ({ modelFolder, image, window }: BareLoopJob): Promise<BareLoopResult | 'late'> => {
  const pieces = await assemble(modelFolder);
  await lap(pieces, image);
  if (now() > window.fromMs) return 'late';
  const { laps, cpuSeconds } = await loop(pieces, image, window);
  const pick = (key: keyof Lap): Float64Array => Float64Array.from(laps, (each) => each[key]);
  return {
    decodeMs: pick('decodeMs'),
    resampleMs: pick('resampleMs'),
    runMs: pick('runMs'),
    totalMs: pick('totalMs'),
    rate: rateOf(laps),
    cpuSeconds,
  };
});

async function assemble(modelFolder: string): Promise<Pieces> {
  const text = await readFile(join(modelFolder, 'model.json'), 'utf8');
  const manifest = parseManifest(text, modelFolder);
  const session = await createSession({
    modelPath: join(modelFolder, manifest.file),
    executionProviders: ['cpu'],
    intraOpThreads: 1,
  });
  const { plan } = resolveModelSpec(manifest, 'sha256:', session.engine);
  const decoder = createDecoder({
    formats: new Set(['jpeg', 'png', 'webp']),
    maxPixels: MAX_PIXELS,
    spec: plan.input,
    concurrency: 1,
    fastDecoders: 'thread',
  });
  return { decoder, model: new PreparedModel(session, plan) };
}

/** Loops until the window closes; what comes before it opens only warms up. */
async function loop(
  pieces: Pieces,
  image: Uint8Array,
  window: Window,
): Promise<{ laps: Lap[]; cpuSeconds: number }> {
  const laps: Lap[] = [];
  while (now() < window.fromMs) await lap(pieces, image);
  const before = process.cpuUsage();
  while (now() < window.toMs) laps.push(await lap(pieces, image));
  const { user, system } = process.cpuUsage(before);
  return { laps, cpuSeconds: (user + system) / 1e6 };
}

async function lap({ decoder, model }: Pieces, image: Uint8Array): Promise<Lap> {
  const startedAt = performance.now();
  const prepared = await decoder.prepare(decoder.inspect(image), never);
  const preparedAt = performance.now();
  const { items, times, resampleMs, runMs } = await model.run([rowOf(prepared, {})]);
  const endedAt = performance.now();
  const [item] = items;
  if (item === undefined || !('answer' in item)) throw new Error(JSON.stringify(item));
  return {
    decodeMs: preparedAt - startedAt + (times[0]?.decodeMs ?? 0),
    resampleMs,
    runMs,
    totalMs: endedAt - startedAt,
  };
}

function rateOf(laps: readonly Lap[]): number {
  const total = laps.reduce((sum, { totalMs }) => sum + totalMs, 0);
  return (laps.length / total) * 1000;
}
