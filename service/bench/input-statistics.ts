import { performance } from 'node:perf_hooks';
import { PixelSampler } from '../statistics/pixel-sampler.js';
import { entropyRatio } from '../tasks/classification/entropy.js';

/** What statistics cost an image: `npm run build && node dist/service/bench/input-statistics.js`. */
const ROUNDS = 60;
const ROUND_MS = 10;

/** Milliseconds: the best of many short rounds, which a busy machine disturbs least. */
function measure(work: () => unknown): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    let images = 0;
    for (; performance.now() - start < ROUND_MS; images++) work();
    return (performance.now() - start) / images;
  });
  return Math.min(...rounds);
}

function sampling(size: number, channels: number): () => unknown {
  const bytes = Uint8Array.from(
    { length: size * size * channels },
    (_, index) => (index * 2654435761) >>> 24,
  );
  const sampler = new PixelSampler();
  return () => {
    sampler.begin(size, size, channels);
    for (let row = 0; row < size; row++) sampler.row(bytes, row * size * channels, row);
    return sampler.result();
  };
}

function entropy(classes: number): () => unknown {
  const logits = Float32Array.from({ length: classes }, (_, id) => ((id * 2654435761) >>> 0) / 2 ** 30);
  return () => entropyRatio(logits);
}

const ROWS: readonly (readonly [string, () => unknown])[] = [
  ['pixels of 40x40 grey', sampling(40, 1)],
  ['pixels of 64x64 colour, all of them', sampling(64, 3)],
  ['pixels of 224x224 colour', sampling(224, 3)],
  ['pixels of 640x640 colour', sampling(640, 3)],
  ['entropy of 10 classes', entropy(10)],
  ['entropy of 1,000 classes', entropy(1000)],
];

console.log('| statistics | ms per image |\n|---|---:|');
for (const [name, work] of ROWS) console.log(`| ${name} | ${measure(work).toFixed(4)} |`);
