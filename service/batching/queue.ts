import { ServiceError } from '../errors.js';
import type { ItemResult } from '../inference/runner.js';
import type { ModelImage } from '../preprocess/image.js';

export interface QueueLimits {
  readonly maxImages: number;
  readonly maxBytes: number;
}

export interface QueuedImage {
  readonly image: ModelImage;
  /** Expected time to decode it, where the engine has that to do, milliseconds. */
  readonly decodeMs: number;
  readonly queuedAt: number;
  readonly signal: AbortSignal;
  readonly settle: (result: QueueResult) => void;
  readonly fail: (error: unknown) => void;
}

/** The times of one image; together they are what passed between entering the queue and the answer. */
export interface QueueResult {
  readonly item: ItemResult;
  /** Waiting: for a slot, and for the others of the batch to be decoded. */
  readonly queueMs: number;
  /** Decoding this image, where the engine did that. */
  readonly decodeMs: number;
  /** All else that the engine did for the batch. */
  readonly inferenceMs: number;
}

/**
 * First in, first out; bounded in images and bytes. Whoever leaves is taken out and failed with the signal's reason
 * at once, also after it was taken for a run.
 */
export class ImageQueue {
  readonly #limits: QueueLimits;
  readonly #waiting = new Set<QueuedImage>();
  #bytes = 0;
  #decodeMs = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get images(): number {
    return this.#waiting.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Expected time to decode all that waits, milliseconds. */
  get decodeMs(): number {
    return this.#decodeMs;
  }

  get oldestQueuedAt(): number | undefined {
    return this.#waiting.keys().next().value?.queuedAt;
  }

  /** Throws OVERLOADED when a limit would be passed. An image larger than the byte limit still enters an empty queue. */
  add(image: QueuedImage, retryAfterSeconds: number): void {
    const isFull =
      this.images >= this.#limits.maxImages ||
      (this.images > 0 && this.#bytes + bytesOf(image) > this.#limits.maxBytes);
    if (isFull) {
      throw new ServiceError('OVERLOADED', `The queue is full: ${this.images} images wait already.`, {
        retryAfterSeconds,
      });
    }
    const leave = (): void => {
      this.#remove(image);
      image.fail(image.signal.reason);
    };
    image.signal.addEventListener('abort', leave, { once: true });
    this.#waiting.add(image);
    this.#bytes += bytesOf(image);
    this.#decodeMs += image.decodeMs;
  }

  /** Takes the oldest images out. */
  take(count: number): QueuedImage[] {
    const taken = [...this.#first(count)];
    for (const image of taken) this.#remove(image);
    return taken;
  }

  /** Fails everyone who waits. */
  clear(error: unknown): void {
    for (const image of this.take(this.images)) image.fail(error);
  }

  *#first(count: number): Generator<QueuedImage> {
    let left = count;
    for (const image of this.#waiting.keys()) {
      if (left-- <= 0) return;
      yield image;
    }
  }

  #remove(image: QueuedImage): void {
    if (!this.#waiting.delete(image)) return;
    this.#bytes -= bytesOf(image);
    this.#decodeMs -= image.decodeMs;
  }
}

function bytesOf({ image }: QueuedImage): number {
  return 'jpeg' in image ? image.jpeg.byteLength : image.data.byteLength;
}
