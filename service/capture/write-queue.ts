import { type Store, type StoredObject, StoreTimeout, within } from './store.js';

/** Why an image that was to be kept is not. */
export type DropReason = 'busy' | 'too_large' | 'duplicate' | 'timed_out' | 'failed' | 'stopped';

export interface WriteQueueOptions {
  /** Of all that waits or is being written. */
  readonly maxBytes: number;
  /** Of one bundle. */
  readonly writeTimeoutMs: number;
}

/** Objects that belong together: written together, in order, or dropped. */
export interface Bundle {
  readonly objects: readonly StoredObject[];
  readonly onWritten: () => void;
  readonly onDropped: (reason: DropReason, error?: unknown) => void;
}

/** What is written behind the back of those who wait for answers. Nothing is tried twice: there is always more. */
export class WriteQueue {
  readonly #store: Store;
  readonly #options: WriteQueueOptions;
  readonly #waiting: Bundle[] = [];
  readonly #stop = new AbortController();
  #running = 0;
  #bytes = 0;
  #onIdle: (() => void) | undefined;

  constructor(store: Store, options: WriteQueueOptions) {
    this.#store = store;
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Why there is no room for so much, or undefined. */
  refusal(bytes: number): DropReason | undefined {
    if (this.#stop.signal.aborted) return 'stopped';
    if (bytes > this.#options.maxBytes) return 'too_large';
    return this.#bytes + bytes > this.#options.maxBytes ? 'busy' : undefined;
  }

  add(bundle: Bundle): void {
    const refusal = this.refusal(bytesOf(bundle));
    if (refusal !== undefined) {
      bundle.onDropped(refusal);
      return;
    }
    this.#bytes += bytesOf(bundle);
    this.#waiting.push(bundle);
    this.#fillLanes();
  }

  /** Settles when nothing waits or is being written. */
  async idle(): Promise<void> {
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Drops all that is not written yet. Idempotent. */
  stop(): void {
    this.#stop.abort(new Error('the service ends'));
  }

  #fillLanes(): void {
    while (this.#running < this.#store.lanes) {
      const bundle = this.#waiting.shift();
      if (bundle === undefined) return;
      this.#running += 1;
      void this.#write(bundle).finally(() => {
        this.#running -= 1;
        this.#bytes -= bytesOf(bundle);
        this.#fillLanes();
        if (this.#running === 0) this.#onIdle?.();
      });
    }
  }

  async #write({ objects, onWritten, onDropped }: Bundle): Promise<void> {
    const { signal } = this.#stop;
    try {
      signal.throwIfAborted();
      await within(this.#options.writeTimeoutMs, signal, (limited) => this.#store.write(objects, limited));
      onWritten();
    } catch (error) {
      if (signal.aborted) onDropped('stopped');
      else onDropped(error instanceof StoreTimeout ? 'timed_out' : 'failed', error);
    }
  }
}

function bytesOf({ objects }: Bundle): number {
  return objects.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
