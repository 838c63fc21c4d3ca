import { ServiceError } from '../errors.js';

export interface AdmissionOptions {
  /** Images in the house at once. */
  readonly maxImages: number;
  /** What has arrived of the bodies, at once. */
  readonly maxBytes: number;
  /** Expected time to serve that many images, milliseconds. */
  readonly expectedMs: (images: number) => number;
}

/** Counts the images, and the bytes of bodies, between the door and the answer, and refuses at once what cannot be served. */
export class Admission {
  readonly #options: AdmissionOptions;
  #images = 0;
  #bytes = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get images(): number {
    return this.#images;
  }

  get maxImages(): number {
    return this.#options.maxImages;
  }

  /**
   * Lets images in. The caller calls what it gets back, once, when they have been answered.
   * Throws OVERLOADED when the house is full or when the deadline would pass while they wait.
   * @param budgetMs what is left until the deadline
   */
  enter(images: number, budgetMs: number): () => void {
    if (this.#images + images > this.#options.maxImages) {
      throw this.#overloaded(
        `${this.#images} images are being served, ${this.#options.maxImages} are allowed.`,
      );
    }
    const expectedMs = this.#options.expectedMs(this.#images + images);
    if (this.#images > 0 && expectedMs > budgetMs) {
      throw this.#overloaded(
        `An answer would take about ${Math.ceil(expectedMs)} ms, and the deadline leaves ${Math.max(0, Math.floor(budgetMs))} ms.`,
      );
    }
    this.#images += images;
    return this.#leaveOnce(images);
  }

  /** Takes a piece of a body in. Throws OVERLOADED where the bodies together would take too much memory. */
  takeIn(bytes: number): void {
    if (this.#bytes + bytes > this.#options.maxBytes) {
      throw this.#overloaded(
        `The bodies of all requests may have ${this.#options.maxBytes} bytes; there is no room for more of this one.`,
      );
    }
    this.#bytes += bytes;
  }

  /** For what was taken in, once it is no longer held. */
  letOut(bytes: number): void {
    this.#bytes -= bytes;
  }

  #leaveOnce(images: number): () => void {
    let left = false;
    return () => {
      if (!left) this.#images -= images;
      left = true;
    };
  }

  #overloaded(detail: string): ServiceError {
    const retryAfterSeconds = Math.max(1, Math.ceil(this.#options.expectedMs(this.#images) / 1000));
    return new ServiceError('OVERLOADED', detail, { retryAfterSeconds });
  }
}
