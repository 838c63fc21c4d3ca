import { ServiceError } from '../errors.js';
import { rowOf } from '../inference/row.js';
import type { Row, RowFailure, RunResult } from '../inference/runner.js';
import type { InputSpec } from '../preprocess/image.js';

interface Engine {
  readonly slots: number;
  run(batch: readonly Row[]): Promise<RunResult>;
}

export interface WarmUpOptions {
  readonly maxBatchSize: number;
  /** For the words of the error alone: the engine itself gives up a run that takes longer. */
  readonly runTimeoutMs: number;
}

const NOISE_SEED = 1;
const GREY = 128;

/** What a model has to have an answer to: it divides by zero for the one, and overflows for the other. */
const IMAGES: readonly { readonly name: string; readonly level: (random: () => number) => number }[] = [
  { name: 'grey noise', level: (random) => GREY - 64 + Math.floor(128 * random()) },
  { name: 'a black image', level: () => 0 },
  { name: 'a white image', level: () => 255 },
];

/**
 * Every thread runs once alone and once with a full batch, so that no request pays for first allocations; more only
 * where those runs have no room for each of the images.
 * Throws MODEL_INCOMPATIBLE when a run fails, does not end, or gives what is no answer to the model's task.
 * @returns how long an image of a full batch took, milliseconds
 */
export async function warmUp(engine: Engine, input: InputSpec, options: WarmUpOptions): Promise<number> {
  const images = warmUpImages(input);
  let next = 0;
  const runOne = (size: number): Promise<void> => {
    const batch = Array.from({ length: size }, () => next++ % images.length);
    return check(engine, images, batch, input, options);
  };
  let msPerImage = 0;
  for (const size of new Set([1, options.maxBatchSize])) {
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: engine.slots }, () => runOne(size)));
    msPerImage = (performance.now() - startedAt) / size;
  }
  while (next < images.length) await runOne(1);
  return msPerImage;
}

function warmUpImages({ width, height }: InputSpec): Uint8Array[] {
  const random = noise(NOISE_SEED);
  return IMAGES.map(({ level }) => Uint8Array.from({ length: width * height * 3 }, () => level(random)));
}

/** @param batch which of the images */
async function check(
  engine: Engine,
  images: readonly Uint8Array[],
  batch: readonly number[],
  input: InputSpec,
  options: WarmUpOptions,
): Promise<void> {
  const rows = batch.map((image) => rowFrom(images[image], input));
  const { items } = await engine.run(rows).catch((error: unknown) => {
    throw withoutEnd(error, options.runTimeoutMs);
  });
  for (const [index, item] of items.entries()) {
    if ('failure' in item) throw unanswered(IMAGES[batch[index] ?? 0]?.name ?? '', item.failure);
  }
}

function rowFrom(image: Uint8Array | undefined, { width, height }: InputSpec): Row {
  return rowOf({ image: { data: copyOf(image), width, height }, width, height }, {});
}

/** What is given to the engine is given away. */
function copyOf(image: Uint8Array | undefined): ArrayBuffer {
  return Uint8Array.from(image ?? []).buffer;
}

function unanswered(image: string, { reason, detail }: RowFailure): ServiceError {
  if (detail === undefined) return refusal(`The model cannot run on ${image}: ${reason}`);
  return refusal(`The model has no answer to ${image}: ${detail.replace(/\.$/, '')} (${reason}).`);
}

function withoutEnd(error: unknown, runTimeoutMs: number): unknown {
  if (!(error instanceof ServiceError) || error.code !== 'WORKER_LOST') return error;
  const what =
    error.cause === 'stuck'
      ? `did not end within RUN_TIMEOUT_MS (${runTimeoutMs} ms)`
      : 'took its thread down';
  return refusal(`The model's first run ${what}.`, error);
}

function refusal(detail: string, cause?: unknown): ServiceError {
  return new ServiceError('MODEL_INCOMPATIBLE', detail, { cause });
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
