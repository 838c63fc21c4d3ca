import { ServiceError } from '../errors.js';
import { SharedLimit } from '../fairness/shared-limit.js';
import type { Traffic } from '../fairness/traffic.js';

/** Nothing that waits here takes longer; an estimate that is off must not send anybody away for good. */
const MAX_RETRY_AFTER_SECONDS = 30;
/** How much of the time until a deadline an answer may be expected to take: the rest is for estimates that are off. */
const SHARE_OF_BUDGET = 0.85;

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
  readonly maxExpectedWaitMs: number;
  readonly #expectedMs: (traffic: Traffic) => number;
  readonly #images: SharedLimit;
  readonly #bytes: SharedLimit;

  /** @param expectedMs how long it will take until an image that came now would be run, milliseconds */
  constructor(limits: AdmissionLimits, expectedMs: (traffic: Traffic) => number) {
    this.maxExpectedWaitMs = limits.maxExpectedWaitMs;
    this.#images = new SharedLimit(limits.maxImages);
    this.#bytes = new SharedLimit(limits.maxBytes);
    this.#expectedMs = expectedMs;
  }

  get images(): number {
    return this.#images.taken;
  }

  /** What is kept of bodies. */
  get bytes(): number {
    return this.#bytes.taken;
  }

  get maxImages(): number {
    return this.#images.max;
  }

  /** How long an image that came now would wait, milliseconds. */
  expectedWaitMs(traffic: Traffic): number {
    return this.images === 0 ? 0 : this.#expectedMs(traffic);
  }

  /**
   * Throws OVERLOADED where an image that came now would be refused: looked at before a body is read. Nothing is
   * counted yet, so that whoever sends slowly takes nobody's place.
   * @param budgetMs what is left until the deadline
   */
  requireRoom(traffic: Traffic, budgetMs: number): void {
    this.#check(traffic, 1, this.expectedWaitMs(traffic), budgetMs);
  }

  /**
   * Admits images that are all here. The caller calls what it gets back when they have been answered.
   * Throws OVERLOADED when too many are in flight or when the answer would come too late; an idle service admits
   * whatever fits the count, since it cannot do better later, and the first of its traffic may wait until its deadline.
   * @param expectedMs how long their answer is expected to take, milliseconds
   * @param budgetMs what is left until the deadline
   */
  admit(traffic: Traffic, images: number, expectedMs: number, budgetMs: number): () => void {
    this.#check(traffic, images, expectedMs, budgetMs);
    this.#images.take(traffic, images);
    let isOver = false;
    return () => {
      if (!isOver) this.#images.give(traffic, images);
      isOver = true;
    };
  }

  /** Counts what is kept of one body. It may be as large as it likes while it is the only one. */
  openBody(traffic: Traffic): BodyBytes {
    let own = 0;
    let isOpen = true;
    return {
      keep: (bytes) => {
        if (!isOpen) return;
        const isAlone = this.bytes === own;
        if (!isAlone && !this.#bytes.fits(traffic, bytes)) {
          throw this.#overloaded(traffic, `All bodies together may have ${this.#bytes.max} bytes at once.`);
        }
        this.#bytes.take(traffic, bytes);
        own += bytes;
      },
      release: () => {
        this.#bytes.give(traffic, own);
        own = 0;
        isOpen = false;
      },
    };
  }

  #check(traffic: Traffic, images: number, expectedMs: number, budgetMs: number): void {
    if (!this.#images.fits(traffic, images)) {
      throw this.#overloaded(traffic, `${this.images} images are in flight, ${this.maxImages} are allowed.`);
    }
    const longestMs = this.#images.isIdle(traffic) ? Number.POSITIVE_INFINITY : this.maxExpectedWaitMs;
    const allowedMs = Math.floor(Math.min(longestMs, budgetMs * SHARE_OF_BUDGET));
    if (this.images > 0 && expectedMs > allowedMs) {
      throw this.#overloaded(
        traffic,
        `An answer would take about ${Math.ceil(expectedMs)} ms, and ${Math.max(0, allowedMs)} ms are allowed.`,
      );
    }
  }

  #overloaded(traffic: Traffic, detail: string): ServiceError {
    const waitSeconds = Math.ceil(this.expectedWaitMs(traffic) / 1000);
    const retryAfterSeconds = Math.min(MAX_RETRY_AFTER_SECONDS, Math.max(1, waitSeconds));
    return new ServiceError('OVERLOADED', detail, { retryAfterSeconds });
  }
}
