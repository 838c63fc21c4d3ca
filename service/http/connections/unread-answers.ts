import type { ServerResponse } from 'node:http';

/** Smaller answers fit into what the kernel keeps for a connection. */
const SMALL_BYTES = 16 * 1024;
/** How long nothing of an answer may move: once that, or twice where some of it moved first. */
const STALL_MS = 5_000;
/** How long a client may take to read an answer, however steadily it does. */
const MAX_READ_MS = 60_000;

/**
 * Bounds what clients have not read yet of their answers: in time, and in bytes of all together. Where it is too much,
 * the connections end that have been at it for longest.
 */
export class UnreadAnswers {
  readonly #maxBytes: number;
  readonly #bytesOf = new Map<ServerResponse, number>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** To be told of each answer that is about to be sent. */
  watch(response: ServerResponse, bytes: number): void {
    if (bytes <= SMALL_BYTES) return;
    this.#bytesOf.set(response, bytes);
    this.#bytes += bytes;
    const timer = setTimeout(() => end(response), MAX_READ_MS);
    response.setTimeout(STALL_MS, () => end(response));
    response.once('close', () => {
      clearTimeout(timer);
      this.#forget(response);
    });
    this.#makeRoom(response);
  }

  #makeRoom(newest: ServerResponse): void {
    for (const oldest of this.#bytesOf.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === newest) return;
      this.#forget(oldest);
      end(oldest);
    }
  }

  #forget(response: ServerResponse): void {
    this.#bytes -= this.#bytesOf.get(response) ?? 0;
    this.#bytesOf.delete(response);
  }
}

function end(response: ServerResponse): void {
  response.destroy();
}
