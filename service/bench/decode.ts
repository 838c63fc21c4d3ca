import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { createDecoder } from '../preprocess/decode.js';
import type { InputSpec } from '../preprocess/image.js';
import { createResampler } from '../preprocess/resample.js';

/**
 * What it costs to decode, one image at a time, and to resample what came out:
 * `npm run build && CV_TEST_DATA=<folder> node dist/service/bench/decode.js`, or with files as arguments.
 */
const ROUNDS = 21;

function specOf(filter: InputSpec['resize']['filter'], accuracy: InputSpec['accuracy']): InputSpec {
  return {
    layout: 'NCHW',
    type: 'float32',
    width: 224,
    height: 224,
    channels: 'rgb',
    resize: { rule: 'stretch', filter, shortestEdge: 224, padValue: [0], position: 'center' },
    accuracy,
    scale: 1 / 255,
    mean: [0],
    std: [1],
  };
}

const WAYS = [
  { name: 'sharp, whole', fastDecoders: 'off', reduce: 'off', accuracy: 'exact' },
  { name: 'sharp, fast', fastDecoders: 'off', reduce: 'auto', accuracy: 'fast' },
  { name: 'turbo, whole', fastDecoders: 'pool', reduce: 'off', accuracy: 'exact' },
  { name: 'turbo, fast', fastDecoders: 'pool', reduce: 'auto', accuracy: 'fast' },
  { name: 'as configured by default', fastDecoders: 'pool', reduce: 'auto', accuracy: 'exact' },
] as const;

async function median(work: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.toSorted((a, b) => a - b)[Math.trunc(ROUNDS / 2)] ?? Number.NaN;
}

function photographs(): string[] {
  const given = process.argv.slice(2);
  const folder = process.env['CV_TEST_DATA'];
  if (given.length > 0 || folder === undefined) return given;
  const images = path.join(folder, 'images');
  return readdirSync(images).flatMap((name) =>
    /^(photo|faces)/.test(name) ? [path.join(images, name)] : [],
  );
}

const tensor = new Float32Array(224 * 224 * 3);

console.log(`| ms: decode + bilinear to 224 | size | ${WAYS.map((way) => way.name).join(' | ')} |`);
console.log(`|---|---|${WAYS.map(() => '---|').join('')}`);
for (const file of photographs()) {
  const bytes = readFileSync(file);
  const cells: string[] = [];
  let size = '';
  for (const { fastDecoders, reduce, accuracy } of WAYS) {
    const spec = specOf('bilinear', accuracy);
    const resampler = createResampler(spec);
    const decoder = createDecoder({ maxPixels: 100_000_000, concurrency: 1, spec, fastDecoders, reduce });
    const { pixels, width, height } = await decoder.decode(decoder.inspect(bytes));
    size = `${width}x${height}`;
    const decodeMs = await median(async () => void (await decoder.decode(decoder.inspect(bytes))));
    const resampleMs = await median(async () => resampler.resampleInto(pixels, tensor, 0));
    await decoder.close();
    cells.push(`${decodeMs.toFixed(2)} + ${resampleMs.toFixed(2)} (${pixels.width}x${pixels.height})`);
  }
  console.log(`| ${path.basename(file)} | ${size} | ${cells.join(' | ')} |`);
}
