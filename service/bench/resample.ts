import { performance } from 'node:perf_hooks';
import type { InputSpec } from '../preprocess/image.js';
import { createResampler } from '../preprocess/resample.js';

/** What it costs to turn decoded pixels into a tensor: `npm run build && node dist/service/bench/resample.js`. */
const ROUNDS = 60;
const ROUND_MS = 10;

type Resize = InputSpec['resize'];

function specOf(resize: Partial<Resize>, size = 224): InputSpec {
  return {
    layout: 'NCHW',
    type: 'float32',
    width: size,
    height: size,
    channels: 'rgb',
    resize: {
      rule: 'stretch',
      filter: 'bilinear',
      shortestEdge: 256,
      padValue: [114],
      position: 'center',
      ...resize,
    },
    accuracy: 'exact',
    scale: 1 / 255,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  };
}

/** Milliseconds for one image: the best of many short rounds, which a busy machine disturbs least. */
function measure(spec: InputSpec, width: number, height: number): number {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * 2654435761) >>> 24);
  const resampler = createResampler(spec);
  const tensor = new Float32Array(spec.width * spec.height * 3);
  const pixels = { data: data.buffer, width, height };
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    let images = 0;
    for (; performance.now() - start < ROUND_MS; images++) resampler.resampleInto(pixels, tensor, 0);
    return (performance.now() - start) / images;
  });
  return Math.min(...rounds);
}

const SIZES: readonly (readonly [number, number])[] = [
  [640, 480],
  [1280, 960],
  [2725, 2225],
];

const ROWS: readonly (readonly [string, InputSpec])[] = [
  ['stretch 224 opencv-linear', specOf({ filter: 'opencv-linear' })],
  ['stretch 224 nearest', specOf({ filter: 'nearest' })],
  ['stretch 224 bilinear', specOf({ filter: 'bilinear' })],
  ['stretch 224 bicubic', specOf({ filter: 'bicubic' })],
  ['stretch 224 lanczos', specOf({ filter: 'lanczos' })],
  ['cover 256/224 bilinear', specOf({ rule: 'cover', filter: 'bilinear' })],
  ['letterbox 640 opencv-linear', specOf({ rule: 'letterbox', filter: 'opencv-linear' }, 640)],
];

console.log(`| ms per image | ${SIZES.map(([width, height]) => `${width}x${height}`).join(' | ')} |`);
console.log(`|---|${SIZES.map(() => '---:|').join('')}`);
for (const [name, spec] of ROWS) {
  const times = SIZES.map(([width, height]) => measure(spec, width, height).toFixed(3));
  console.log(`| ${name} | ${times.join(' | ')} |`);
}
