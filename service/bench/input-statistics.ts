import { performance } from 'node:perf_hooks';
import type { ImageStatistics } from '../statistics/image-statistics.js';
import { PixelSampler } from '../statistics/pixel-sampler.js';
import { entropyRatio } from '../tasks/classification/entropy.js';
import { Metrics } from '../telemetry/metrics.js';
import type { ImageRecord } from '../telemetry/request-record.js';

/**
 * What statistics cost an image, on the inference thread (pixels, entropy) and on the main thread (counting):
 * `npm run build && node dist/service/bench/input-statistics.js`. Fails where that is more than it may be.
 */
const LIMIT_MS = 0.1;
const ROUNDS = 60;
const ROUND_MS = 10;
const IMAGES = 1000;

/** Milliseconds of CPU time: of many short rounds the best, which other work on the machine disturbs least. */
function measure(work: () => unknown): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const [start, before] = [performance.now(), process.cpuUsage()];
    let images = 0;
    for (; performance.now() - start < ROUND_MS; images++) work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000 / images;
  });
  return Math.min(...rounds);
}

function sampling(size: number, channels: number): number {
  const bytes = Uint8Array.from(
    { length: size * size * channels },
    (_, index) => (index * 2654435761) >>> 24,
  );
  const sampler = new PixelSampler();
  return measure(() => {
    sampler.begin(size, size, channels);
    for (let row = 0; row < size; row++) sampler.row(bytes, row * size * channels, row);
    return sampler.result();
  });
}

function entropy(classes: number): number {
  const logits = Float32Array.from({ length: classes }, (_, id) => ((id * 2654435761) >>> 0) / 2 ** 30);
  return measure(() => entropyRatio(logits));
}

/** Of the statistics alone: what an answer with them takes more than one without. */
function counting(): number {
  const statistics = Array.from(
    { length: IMAGES },
    (_, index): ImageStatistics => ({
      brightness: (index + 0.5) / IMAGES,
      contrast: 0.2,
      sharpness: 0.1,
      colourfulness: 0.2,
      size: 40,
      aspect: 1,
      entropy: 0.1,
    }),
  );
  return measure(counter(statistics)) - measure(counter(statistics.map(() => undefined)));
}

function counter(statistics: readonly (ImageStatistics | undefined)[]): () => void {
  const metrics = new Metrics();
  const model = metrics.forModel('digits');
  const images = statistics.map(
    (each): ImageRecord => ({
      outcome: 'ok',
      spans: [],
      image: { width: 40, height: 40, format: 'png' },
      observed: { labels: ['3'], scores: [0.9] },
      ...(each && { statistics: each }),
    }),
  );
  let answered = 0;
  return () => {
    const image = images[answered++ % IMAGES];
    if (image !== undefined) model.ended(image);
    metrics.later.makeIfEnough();
  };
}

const SUBJECTS = [
  { name: '40x40 grey, 10 classes', size: 40, channels: 1, classes: 10 },
  { name: '64x64 colour, 10 classes', size: 64, channels: 3, classes: 10 },
  { name: '224x224 colour, 1,000 classes', size: 224, channels: 3, classes: 1000 },
  { name: '640x640 colour, no entropy', size: 640, channels: 3, classes: 0 },
] as const;

console.log(
  '| ms of CPU time an image | pixels | entropy | counting | together |\n|---|---:|---:|---:|---:|',
);
const counted = counting();
for (const { name, size, channels, classes } of SUBJECTS) {
  const parts = [sampling(size, channels), classes === 0 ? 0 : entropy(classes), counted];
  const together = parts.reduce((sum, part) => sum + part, 0);
  console.log(`| ${name} | ${[...parts, together].map((ms) => ms.toFixed(3)).join(' | ')} |`);
  if (together > LIMIT_MS) process.exitCode = 1;
}
