import { randomBytes } from 'node:crypto';
import type { Entry } from './items.js';
import { Store } from './store.js';

/** One of the stream's events, as its bytes: made once, for all who watch. */
export interface FeedEvent {
  /** How many changes went before what comes after it. */
  readonly position: number;
  readonly type: 'snapshot' | 'change';
  readonly bytes: Buffer;
}

export interface FeedOptions {
  readonly timeline: readonly Entry[];
  onEntry(entry: Entry): void;
  /** There is an event more. */
  onEvent(): void;
}

/** What happens within it is one change, milliseconds: a hundred pods that start are one event. */
const GATHER_MS = 100;
/** Changes that are kept for whoever comes back. */
const MAX_KEPT_CHANGES = 1000;
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** The store as a stream of events, which can be gone on with from a position as long as its log reaches back. */
export class Feed {
  readonly store: Store;
  readonly #options: FeedOptions;
  /** Of this process: positions of another one mean nothing. */
  readonly #epoch = randomBytes(6).toString('hex');
  /** Of consecutive positions, oldest first. */
  readonly #log: FeedEvent[] = [];
  #logBytes = 0;
  #position = 0;
  #snapshot: FeedEvent | undefined;
  /** Of the changes after the snapshot. */
  #bytesSince = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.store = new Store({
      now: Date.now,
      timeline: options.timeline,
      onEntry: options.onEntry,
      onChange: () => {
        this.#timer = setTimeout(() => this.#flush(), GATHER_MS);
      },
    });
  }

  /** Everything, as it was not long ago: one for all who come meanwhile, who get the changes since from the log. */
  snapshot(): FeedEvent {
    const { length = 0 } = this.#snapshot?.bytes ?? {};
    if (this.#snapshot !== undefined && this.#bytesSince <= Math.min(length, this.#logBytes))
      return this.#snapshot;
    this.#flush();
    this.#bytesSince = 0;
    this.#snapshot = this.#event('snapshot', this.store.snapshot());
    return this.#snapshot;
  }

  /** The position that an id of an event names; undefined where that was no event of this process. */
  positionOf(id: string): number | undefined {
    const [, epoch, position] = /^([0-9a-f]+)-(\d{1,15})$/.exec(id) ?? [];
    return epoch === this.#epoch ? Number(position) : undefined;
  }

  /** What comes next after a position, undefined where that is nothing yet: a change, or everything where the log is shorter. */
  after(position: number): FeedEvent | undefined {
    if (position === this.#position) return undefined;
    const first = this.#log[0]?.position ?? Number.POSITIVE_INFINITY;
    return this.#log[position + 1 - first] ?? this.snapshot();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    const change = this.store.takeChange();
    if (change === undefined) return;
    this.#position += 1;
    this.#keep(this.#event('change', change));
    // Not at once: it may be because one of those who are told has asked.
    setImmediate(() => this.#options.onEvent());
  }

  #keep(event: FeedEvent): void {
    this.#log.push(event);
    this.#logBytes += event.bytes.length;
    this.#bytesSince += event.bytes.length;
    while (this.#log.length > MAX_KEPT_CHANGES || this.#logBytes > MAX_KEPT_BYTES) {
      this.#logBytes -= this.#log.shift()?.bytes.length ?? 0;
    }
  }

  #event(type: FeedEvent['type'], data: unknown): FeedEvent {
    const position = this.#position;
    const lines = [
      `id: ${this.#epoch}-${position}`,
      `event: ${type}`,
      `data: ${JSON.stringify(data)}`,
      '',
      '',
    ];
    return { position, type, bytes: Buffer.from(lines.join('\n')) };
  }
}
