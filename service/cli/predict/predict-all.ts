import { setMaxListeners } from 'node:events';
import { mostOf } from '../../fairness/shared-limit.js';
import type { Prediction } from '../../predict.js';
import type { InspectedImage } from '../../preprocess/decode.js';
import type { ServingModel } from '../../serving/serving-model.js';
import type { ProcessLimits } from '../../sizing.js';
import { CannotGoOn } from '../outcome.js';
import type { ListedImage } from './list-images.js';
import type { Output } from './output.js';
import type { Pictures } from './pictures.js';
import { type AnsweredImage, answered, type RunInfo, refused } from './record.js';
import { Room } from './room.js';

/** Twice what runs and what is decoded at once: so nothing waits for the next file to be read. */
const AHEAD = 2;
/** What another image may be at fault for, by its run or its size: tried once more, alone. */
const PASSING: ReadonlySet<string> = new Set(['WORKER_LOST', 'OVERLOADED']);
/** How often it is looked whether anything is left that could answer. */
const LOOK_EVERY_MS = 1000;
const BYTES_PER_PIXEL = 3;

export interface PredictAllOptions {
  readonly model: ServingModel;
  readonly limits: ProcessLimits;
  readonly maxImageBytes: number;
  readonly run: RunInfo;
  readonly output: Output;
  readonly pictures: Pictures | undefined;
  /** Aborts: what was begun is answered, nothing else is begun. */
  readonly stop: AbortSignal;
  /** Told of every image that was written. */
  readonly onAnswered: (file: string, image: AnsweredImage) => void;
}

interface Lane extends PredictAllOptions {
  readonly room: Room;
  /** Aborts with a CannotGoOn where nothing is left that could answer. */
  readonly dead: AbortSignal;
}

/**
 * Takes images through the flow that requests take, as many at once as keep the cores busy, and writes what becomes of each
 * as it comes. Rejects, after what was begun has ended, where it cannot go on: with what keeps it from that.
 */
export async function predictAll(images: Iterable<ListedImage>, options: PredictAllOptions): Promise<void> {
  const dead = new AbortController();
  setMaxListeners(0, dead.signal);
  const watch = setInterval(() => {
    const why = 'no inference thread is left and none can be started';
    if (options.model.cannotHeal) dead.abort(new CannotGoOn(why));
  }, LOOK_EVERY_MS);
  try {
    const room = new Room(mostOf(options.limits.maxQueueBytes));
    await runLanes(images[Symbol.iterator](), { ...options, room, dead: dead.signal });
  } finally {
    clearInterval(watch);
  }
}

/** Each takes the next image when it has written the one before; the first that cannot go on stops all. */
async function runLanes(images: Iterator<ListedImage>, options: Lane): Promise<void> {
  const failed = new AbortController();
  const { gone } = options.output;
  const stop = AbortSignal.any([options.stop, failed.signal, ...(gone === undefined ? [] : [gone])]);
  const lane = async (): Promise<void> => {
    try {
      await runLane(images, options, stop);
    } catch (error) {
      failed.abort();
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: countLanes(options) }, lane));
  const fault = ends.find((end) => end.status === 'rejected');
  if (fault !== undefined) throw fault.reason;
}

async function runLane(images: Iterator<ListedImage>, options: Lane, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const { value: image, done } = images.next();
    if (done === true) return;
    const outcome = await answer(image, options);
    await options.output.write({ file: image.name, ...options.run, ...outcome });
    options.onAnswered(image.name, outcome);
  }
}

function countLanes({ model, limits }: PredictAllOptions): number {
  const { workers, max_batch_size } = model.description;
  const busy = workers * max_batch_size + model.predictor.decoder.lanes;
  return Math.min(AHEAD * busy, limits.maxInFlightImages);
}

/** What becomes of one image. Rejects where none can be answered. */
async function answer(image: ListedImage, options: Lane): Promise<AnsweredImage> {
  const together = await attempt(image, options, bytesOf);
  const isPassing = PASSING.has(together.error?.code ?? '');
  return isPassing ? attempt(image, options, () => options.limits.maxQueueBytes) : together;
}

async function attempt(
  image: ListedImage,
  options: Lane,
  room: (inspected: InspectedImage) => number,
): Promise<AnsweredImage> {
  try {
    return answered(await predictOne(image, options, room));
  } catch (error) {
    if (error instanceof CannotGoOn) throw error;
    return refused(error);
  }
}

/** The picture is there before the answer is: who has this has that. */
async function predictOne(
  image: ListedImage,
  options: Lane,
  roomFor: (inspected: InspectedImage) => number,
): Promise<Prediction> {
  const { model, pictures, room, run, dead } = options;
  const inspected = model.predictor.inspect(await image.place.read(image.name, options.maxImageBytes));
  const asked = { signal: dead, parameters: run.parameters, picture: pictures?.orderFor(image) };
  return room.with(roomFor(inspected), async () => {
    const prediction = await model.predictor.predict(inspected, asked);
    if (prediction.picture !== undefined) await pictures?.write(image, prediction.picture);
    return prediction;
  });
}

/** What it takes at most while it waits for a thread: the file, or its pixels. */
function bytesOf({ onThread, bytes, work }: InspectedImage): number {
  return onThread ? bytes.byteLength : work.pixels * BYTES_PER_PIXEL;
}
