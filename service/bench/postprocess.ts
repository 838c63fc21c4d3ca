import { performance } from 'node:perf_hooks';
import type { Geometry, Outputs, Task } from '../tasks/task.js';
import { taskNamed } from '../tasks/tasks.js';
import type { Tensor } from '../tensor.js';
import { randomSource } from './random-source.js';
import { median } from './statistics.js';

/**
 * What it costs to turn the outputs of one image into its answer, in one thread:
 * `npm run build && node dist/service/bench/postprocess.js`, or with parts of names as arguments.
 */
const ROUNDS = 41;
const WARM_UP = 15;
const PHOTO = { width: 1280, height: 960 };

interface Case {
  readonly name: string;
  readonly task: string;
  readonly manifest: object;
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Of the input tensor, pixels. */
  readonly size: number;
}

const random = randomSource(1);

function floats(shape: readonly number[], fill: (at: number) => number): Tensor {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let at = 0; at < data.length; at++) data[at] = fill(at);
  return { type: 'float32', data, shape };
}

/** Boxes of a person's size or so anywhere, of which so many have a class that is likely. */
function yoloOutput(classes: number, extra: number, hits: number): Tensor {
  const anchors = 8400;
  const boxes = floats([4 + classes + extra, anchors], (at) => {
    const row = Math.floor(at / anchors);
    if (row < 2) return random() * 640;
    return row < 4 ? 20 + random() * 120 : random() * (row < 4 + classes ? 0.05 : 1);
  });
  const data = boxes.data as Float32Array;
  for (let hit = 0; hit < hits; hit++) {
    const anchor = Math.floor((hit * anchors) / hits);
    data[(4 + Math.floor(random() * classes)) * anchors + anchor] = 0.3 + random() * 0.6;
  }
  return boxes;
}

/** Regions of a dozen classes with soft edges, as a model sees them, under some noise; all others are unlikely. */
function scores(classes: number, size: number): Tensor {
  const seeds = Array.from(
    { length: Math.min(classes, 12) },
    () => [random() * size, random() * size] as const,
  );
  return floats([classes, size, size], (at) => {
    const seed = seeds[Math.floor(at / size ** 2)];
    if (seed === undefined) return -size + random();
    const cell = at % size ** 2;
    return -Math.hypot((cell % size) - seed[0], Math.floor(cell / size) - seed[1]) / 4 + random() * 0.2;
  });
}

/** Prototypes of 160x160: smooth, each another. */
function waves(at: number): number {
  const prototype = Math.floor(at / 160 ** 2);
  const [x, y] = [at % 160, Math.floor(at / 160) % 160];
  return Math.sin(x / (9 + prototype)) * Math.cos(y / (40 - prototype)) + random() * 0.02;
}

const detectorOf = (hits: number): Case => ({
  name: `detection: 8,400 anchors, 80 classes, ${hits} above the threshold`,
  task: 'detection',
  manifest: { decoder: 'yolo' },
  outputs: { output0: yoloOutput(80, 0, hits) },
  size: 640,
});

const mapOf = (classes: number, grid: number, mask: number): Case => ({
  name: `segmentation: ${classes} classes, grid of ${grid}, mask of ${mask}`,
  task: 'segmentation',
  manifest: { mask_size: mask },
  outputs: { logits: scores(classes, grid) },
  size: 512,
});

const CASES: readonly (() => Case)[] = [
  ...[0, 30, 300, 3000, 8400].map((hits) => () => detectorOf(hits)),
  () => ({
    name: 'detection: RT-DETR, 300 queries, 80 classes',
    task: 'detection',
    manifest: { decoder: 'rt-detr' },
    outputs: {
      logits: floats([300, 80], () => random() * 8 - 7),
      pred_boxes: floats([300, 4], () => 0.1 + random() * 0.5),
    },
    size: 640,
  }),
  ...[10, 100].map((hits) => () => ({
    name: `instance-segmentation: 8,400 anchors, 80 classes, ${hits} above the threshold`,
    task: 'instance-segmentation',
    manifest: { decoder: 'yolo-segment' },
    outputs: {
      output0: yoloOutput(80, 32, hits),
      output1: floats([32, 160, 160], waves),
    },
    size: 640,
  })),
  () => mapOf(21, 128, 512),
  () => mapOf(21, 512, 512),
  () => mapOf(150, 128, 512),
  () => mapOf(150, 512, 512),
];

function prepare({ task: name, manifest, outputs, size }: Case): () => unknown {
  const task = taskNamed(name) as Task;
  const declared = Object.entries(outputs).map(([output, { type, shape }]) => {
    return { name: output, type, shape: [-1, ...shape] };
  });
  const spec = task.resolve(manifest, declared);
  const toImage = { scaleX: PHOTO.width / size, scaleY: PHOTO.height / size, offsetX: 0, offsetY: 0 };
  const geometry: Geometry = { ...PHOTO, tensor: { width: size, height: size }, toImage };
  const given: Outputs = new Map(Object.entries(outputs));
  return () => task.interpret(given, geometry, {}, spec);
}

function timesOf(work: () => unknown): Float64Array {
  for (let round = 0; round < WARM_UP; round++) work();
  return Float64Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
}

const wanted = process.argv.slice(2);
console.log('| one image, one thread | fastest | median |');
console.log('| --- | --- | --- |');
for (const make of CASES) {
  const each = make();
  if (wanted.length > 0 && !wanted.some((part) => each.name.includes(part))) continue;
  const times = timesOf(prepare(each));
  console.log(`| ${each.name} | ${Math.min(...times).toFixed(2)} ms | ${median(times).toFixed(2)} ms |`);
}
