import { ServiceError } from '../errors.js';

export interface AdmissionOptions {
  /** Images in the house at once. */
  readonly maxImages: number;
  /** What has arrived of the bodies, at once. */
  readonly maxBytes: number;
  /** Expected time to serve that many images, milliseconds. */
  readonly expectedMs: (images: number) => number;
}

/** What a body takes of the memory until its request has ended. */
export interface BodyCount {
  /** Throws OVERLOADED where all bodies together would take more than there is room for. */
  takeIn(bytes: number): void;
  letOut(): void;
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

  /** Counts what arrives of one body. It may be as large as it likes while it is the only one. */
  openBody(): BodyCount {
    let own = 0;
    let isOpen = true;
    return {
      takeIn: (bytes) => {
        if (!isOpen) return;
        const isAlone = this.#bytes === own;
        if (!isAlone && this.#bytes + bytes > this.#options.maxBytes) throw this.#noRoom();
        this.#bytes += bytes;
        own += bytes;
      },
      letOut: () => {
        this.#bytes -= own;
        own = 0;
        isOpen = false;
      },
    };
  }

  #noRoom(): ServiceError {
    const { maxBytes } = this.#options;
    return this.#overloaded(
      `All bodies together may have ${maxBytes} bytes; there is no room for more of this one.`,
    );
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
