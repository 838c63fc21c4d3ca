interface Waiting {
  readonly bytes: number;
  enter(): void;
}

/** So many bytes at once, first come, first served. What is larger than all of it enters alone. */
export class Room {
  readonly #maxBytes: number;
  readonly #waiting: Waiting[] = [];
  #taken = 0;
  #inside = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Runs a task when there is room for what it holds meanwhile. */
  async with<T>(bytes: number, task: () => Promise<T>): Promise<T> {
    await new Promise<void>((enter) => {
      this.#waiting.push({ bytes, enter });
      this.#admit();
    });
    try {
      return await task();
    } finally {
      this.#taken -= bytes;
      this.#inside -= 1;
      this.#admit();
    }
  }

  #admit(): void {
    for (;;) {
      const [next] = this.#waiting;
      if (next === undefined || (this.#inside > 0 && this.#taken + next.bytes > this.#maxBytes)) return;
      this.#waiting.shift();
      this.#taken += next.bytes;
      this.#inside += 1;
      next.enter();
    }
  }
}
