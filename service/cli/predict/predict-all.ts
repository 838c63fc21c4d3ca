import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceError } from '../../errors.js';
import type { Prediction } from '../../predict.js';
import type { InspectedImage } from '../../preprocess/decode.js';
import type { ServingModel } from '../../serving/serving-model.js';
import type { Sizing } from '../../sizing.js';
import type { ListedImage } from './list-images.js';
import type { Output } from './output.js';
import { type AnsweredImage, answered, type RunInfo, refused } from './record.js';
import { Room } from './room.js';

/** Twice what runs and what is decoded at once: so nothing waits for the next file to be read. */
const AHEAD = 2;
/** What may succeed when it is tried again: the thread was lost, or another image took the room. */
const PASSING: ReadonlySet<string> = new Set(['WORKER_LOST', 'OVERLOADED']);
const ATTEMPTS = 3;
const PAUSE_MS = 100;
const BYTES_PER_PIXEL = 3;

export interface PredictAllOptions {
  readonly model: ServingModel;
  readonly sizing: Sizing;
  readonly maxImageBytes: number;
  readonly run: RunInfo;
  readonly output: Output;
  /** Aborts: what was begun is answered, nothing else is begun. */
  readonly stop: AbortSignal;
  /** Told of every image that was written. */
  readonly onAnswered: (file: string, image: AnsweredImage) => void;
}

/**
 * Takes images through the flow that requests take, as many at once as keep the cores busy, and writes what becomes of each
 * as it comes. Rejects, after what was begun has ended, where it cannot go on: with what keeps it from that.
 */
export async function predictAll(images: Iterable<ListedImage>, options: PredictAllOptions): Promise<void> {
  const { sizing, model, run, output } = options;
  const { max_batch_size: maxBatchSize } = model.description;
  const room = new Room(sizing.maxQueueBytes);
  const failed = new AbortController();
  const stop = AbortSignal.any([options.stop, failed.signal, ...(output.gone ? [output.gone] : [])]);
  const lanes = Math.min(
    AHEAD * (sizing.workers * maxBatchSize + sizing.decodeConcurrency),
    sizing.maxInFlightImages,
  );
  const next = images[Symbol.iterator]();
  const work = async (): Promise<void> => {
    while (!stop.aborted) {
      const { value: image, done } = next.next();
      if (done === true) return;
      const outcome = await answer(image, room, options);
      await output.write({ file: image.name, ...run, ...outcome });
      options.onAnswered(image.name, outcome);
    }
  };
  const guarded = async (): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failed.abort();
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: lanes }, guarded));
  const fault = ends.find((end) => end.status === 'rejected');
  if (fault !== undefined) throw fault.reason;
}

/** What becomes of one image. Rejects where none can be answered. */
async function answer(image: ListedImage, room: Room, options: PredictAllOptions): Promise<AnsweredImage> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return answered(await predictOne(image, room, options));
    } catch (error) {
      const isKnown = error instanceof ServiceError;
      if (!isKnown || error.code === 'RESTART_NEEDED' || error.code === 'MODEL_UNAVAILABLE') throw error;
      if (!PASSING.has(error.code) || attempt === ATTEMPTS) return refused(error);
      await sleep(PAUSE_MS * attempt);
    }
  }
}

async function predictOne(image: ListedImage, room: Room, options: PredictAllOptions): Promise<Prediction> {
  const { predictor } = options.model;
  const inspected = predictor.inspect(await image.place.read(image.name, options.maxImageBytes));
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return room.with(bytesOf(inspected), () =>
    predictor.predict(inspected, { signal, parameters: options.run.parameters }),
  );
}

/** What it takes at most while it waits for a thread: the file, or its pixels. */
function bytesOf({ onThread, bytes, work }: InspectedImage): number {
  return onThread ? bytes.byteLength : work.pixels * BYTES_PER_PIXEL;
}
