import sharp from 'sharp';
import type { Answer, Parameters } from '../service/tasks/task.js';

/** What an answer gained of what there was to gain in one image. */
export interface Score {
  readonly gained: number;
  readonly possible: number;
}

type Scorer = (right: Answer, given: Answer) => Score | Promise<Score>;

interface Measure {
  /** For people. */
  readonly name: string;
  readonly score: Scorer;
  /** What is asked of the task for it; nothing where it is left out. */
  readonly parameters?: Parameters;
}

interface Labelled {
  readonly label: string;
}
interface Boxed extends Labelled {
  readonly box: {
    readonly x_min: number;
    readonly y_min: number;
    readonly x_max: number;
    readonly y_max: number;
  };
}

/** As in PASCAL VOC (Everingham and others, 2010): from here on two boxes are of one object. */
const SAME_OBJECT = 0.5;

const BOXES: Measure = { name: 'F1 of boxes with the same label and an overlap of 0.5', score: boxes };

/** How answers of a task are compared with what is right. */
export const MEASURES: Readonly<Record<string, Measure>> = {
  classification: {
    name: 'images with the right best label',
    score: bestLabel,
    parameters: { top_k: 3, threshold: Number.NEGATIVE_INFINITY },
  },
  detection: BOXES,
  keypoints: BOXES,
  'instance-segmentation': BOXES,
  segmentation: { name: 'overlap of the classes of pixels (IoU)', score: masks },
  embedding: {
    name: 'cosine of vectors',
    score: ({ embedding: right }, { embedding: given }) => cosine(right, given),
    parameters: { encoding: 'float' },
  },
  raw: {
    name: 'cosine of outputs',
    score: ({ outputs: right }, { outputs: given }) => cosine(valuesOf(right), valuesOf(given)),
  },
};

function bestLabel(right: Answer, given: Answer): Score {
  const [wanted] = right['predictions'] as readonly Labelled[];
  const [found] = given['predictions'] as readonly Labelled[];
  return { gained: wanted?.label === found?.label ? 1 : 0, possible: 1 };
}

/** Each object that is right finds at most one of those given, the surest first: 2 hits of all objects is F1. */
function boxes(right: Answer, given: Answer): Score {
  const wanted = right['predictions'] as readonly Boxed[];
  const left = new Set(given['predictions'] as readonly Boxed[]);
  const possible = wanted.length + left.size;
  let hits = 0;
  for (const each of wanted) {
    const [best] = [...left]
      .filter(({ label }) => label === each.label)
      .map((object) => ({ object, overlap: overlap(object.box, each.box) }))
      .toSorted((one, other) => other.overlap - one.overlap);
    if (best === undefined || !(best.overlap >= SAME_OBJECT)) continue;
    left.delete(best.object);
    hits += 1;
  }
  return { gained: 2 * hits, possible };
}

/** Intersection over union. */
function overlap(one: Boxed['box'], other: Boxed['box']): number {
  const width = Math.min(one.x_max, other.x_max) - Math.max(one.x_min, other.x_min);
  const height = Math.min(one.y_max, other.y_max) - Math.max(one.y_min, other.y_min);
  if (width <= 0 || height <= 0) return 0;
  const area = (box: Boxed['box']): number => (box.x_max - box.x_min) * (box.y_max - box.y_min);
  return (width * height) / (area(one) + area(other) - width * height);
}

/** Mean over the classes that are in either mask. */
async function masks(right: Answer, given: Answer): Promise<Score> {
  const [wanted, found] = await Promise.all([pixelsOf(right), pixelsOf(given)]);
  if (wanted.length !== found.length) return { gained: 0, possible: 1 };
  const [both, either] = [new Map<number, number>(), new Map<number, number>()];
  const count = (counts: Map<number, number>, id: number): unknown =>
    counts.set(id, (counts.get(id) ?? 0) + 1);
  for (let at = 0; at < wanted.length; at++) {
    const [one, other] = [wanted[at] as number, found[at] as number];
    count(either, one);
    if (one === other) count(both, one);
    else count(either, other);
  }
  const overlaps = [...either].map(([id, pixels]) => (both.get(id) ?? 0) / pixels);
  return { gained: overlaps.reduce((sum, each) => sum + each, 0) / overlaps.length, possible: 1 };
}

async function pixelsOf(answer: Answer): Promise<Uint8Array> {
  const { png } = answer['mask'] as { readonly png: string };
  return sharp(Buffer.from(png, 'base64')).extractChannel(0).raw().toBuffer();
}

function valuesOf(outputs: unknown): number[] {
  const all = outputs as readonly { readonly data: readonly unknown[] }[];
  return all.flatMap(({ data }) => data.map((value) => (typeof value === 'number' ? value : 0)));
}

/** Below 0 nothing is gained. */
function cosine(one: unknown, other: unknown): Score {
  const [a, b] = [one as readonly number[], other as readonly number[]];
  const dot = a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
  const [length, otherLength] = [norm(a), norm(b)];
  if (length === 0 || otherLength === 0) return { gained: length === otherLength ? 1 : 0, possible: 1 };
  return { gained: Math.max(0, Math.min(1, dot / (length * otherLength))), possible: 1 };
}

function norm(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
