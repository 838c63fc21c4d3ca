import { ServiceError } from '../errors.js';

/** Nothing that waits here takes longer; an estimate that is off must not send anybody away for good. */
const MAX_RETRY_AFTER_SECONDS = 30;
/** How much of the time until a deadline an answer may be expected to take: the rest is for estimates that are off. */
const SHARE_OF_BUDGET = 0.85;
/** So much of the longest wait a batch of BATCH_IMAGES and more leaves to images that come alone; a smaller one, less. */
const BATCH_HEADROOM = 0.3;
const BATCH_IMAGES = 32;

export interface AdmissionLimits {
  /** Images in flight at once, whatever each of them takes. */
  readonly maxImages: number;
  /** Longest expected time from admission to the answer, milliseconds. */
  readonly maxExpectedWaitMs: number;
  /** Bytes of all bodies that are kept at once. */
  readonly maxBytes: number;
}

/** What is kept of one body, counted against all the others until its request needs it no more. */
export interface BodyBytes {
  /** Throws OVERLOADED where all bodies together would take more memory than there is for them. */
  keep(bytes: number): void;
  release(): void;
}

/**
 * Counts what is in flight, from the moment an image is here to its answer, and refuses at once what cannot be served
 * in time. Knows no protocol.
 */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #expectedMs: () => number;
  #images = 0;
  #bytes = 0;

  /** @param expectedMs how long it will take to answer all that is in flight now, milliseconds */
  constructor(limits: AdmissionLimits, expectedMs: () => number) {
    this.#limits = limits;
    this.#expectedMs = expectedMs;
  }

  get images(): number {
    return this.#images;
  }

  /** What is kept of bodies. */
  get bytes(): number {
    return this.#bytes;
  }

  get maxImages(): number {
    return this.#limits.maxImages;
  }

  /** How long an image that came now would wait, milliseconds. */
  get expectedWaitMs(): number {
    return this.#images === 0 ? 0 : this.#expectedMs();
  }

  get maxExpectedWaitMs(): number {
    return this.#limits.maxExpectedWaitMs;
  }

  /**
   * Throws OVERLOADED where an image that came now would be refused: looked at before a body is read. Nothing is
   * counted yet, so that whoever sends slowly takes nobody's place.
   * @param budgetMs what is left until the deadline
   */
  requireRoom(budgetMs: number): void {
    this.#check(1, this.expectedWaitMs, budgetMs);
  }

  /**
   * Admits images that are all here. The caller calls what it gets back when they have been answered.
   * Throws OVERLOADED when too many are in flight or when the answer would come too late; an idle service admits
   * whatever fits the count, since it cannot do better later.
   * @param expectedMs how long their answer is expected to take, milliseconds
   * @param budgetMs what is left until the deadline
   */
  admit(images: number, expectedMs: number, budgetMs: number): () => void {
    this.#check(images, expectedMs, budgetMs);
    this.#images += images;
    let isOver = false;
    return () => {
      if (!isOver) this.#images -= images;
      isOver = true;
    };
  }

  /** Counts what is kept of one body. It may be as large as it likes while it is the only one. */
  openBody(): BodyBytes {
    let own = 0;
    let isOpen = true;
    return {
      keep: (bytes) => {
        if (!isOpen) return;
        const isAlone = this.#bytes === own;
        if (!isAlone && this.#bytes + bytes > this.#limits.maxBytes) {
          throw this.#overloaded(`All bodies together may have ${this.#limits.maxBytes} bytes at once.`);
        }
        this.#bytes += bytes;
        own += bytes;
      },
      release: () => {
        this.#bytes -= own;
        own = 0;
        isOpen = false;
      },
    };
  }

  #check(images: number, expectedMs: number, budgetMs: number): void {
    const { maxImages } = this.#limits;
    if (this.#images + images > maxImages) {
      throw this.#overloaded(`${this.#images} images are in flight, ${maxImages} are allowed.`);
    }
    const allowedMs = Math.floor(Math.min(this.#longestWaitMs(images), budgetMs * SHARE_OF_BUDGET));
    if (this.#images > 0 && expectedMs > allowedMs) {
      throw this.#overloaded(
        `An answer would take about ${Math.ceil(expectedMs)} ms, and ${Math.max(0, allowedMs)} ms are allowed.`,
      );
    }
  }

  /** Whoever sends many at once would otherwise keep the queue full for everybody else. */
  #longestWaitMs(images: number): number {
    const share = Math.min(1, (images - 1) / (BATCH_IMAGES - 1));
    return this.#limits.maxExpectedWaitMs * (1 - BATCH_HEADROOM * share);
  }

  #overloaded(detail: string): ServiceError {
    const waitSeconds = Math.ceil(this.expectedWaitMs / 1000);
    const retryAfterSeconds = Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, waitSeconds));
    return new ServiceError('OVERLOADED', detail, { retryAfterSeconds });
  }
}
