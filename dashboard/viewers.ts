import type { ServerResponse } from 'node:http';
import type { Feed, FeedEvent } from './feed.js';

export interface ViewersOptions {
  readonly maxViewers: number;
  /** Between two signs of life, milliseconds. */
  readonly heartbeatMs: number;
  /** Who has taken nothing for so long is closed, milliseconds. */
  readonly stallMs: number;
  onEvent(type: FeedEvent['type']): void;
  onStalled(): void;
}

/** Of comments a page is told nothing. Without an id: a browser goes on after the last event that has one. */
const HEARTBEAT = Buffer.from('event: heartbeat\ndata\n\n');
/** How soon a browser comes back after its stream broke, milliseconds. */
const RETRY = Buffer.from('retry: 2000\n');
/** Who takes one of these now and then is slow, and not gone. */
const PIECE_BYTES = 64 * 1024;
/** Before any event: less than every position. */
const NOTHING = -1;

/** Who watches the stream, each at its own pace. */
export class Viewers {
  readonly #options: ViewersOptions;
  readonly #viewers = new Set<Viewer>();
  readonly #heartbeats: NodeJS.Timeout;

  constructor(options: ViewersOptions) {
    this.#options = options;
    this.#heartbeats = setInterval(() => this.#beat(), options.heartbeatMs).unref();
  }

  get size(): number {
    return this.#viewers.size;
  }

  get isFull(): boolean {
    return this.#viewers.size >= this.#options.maxViewers;
  }

  /** @param lastEventId of the last event that it has, as it says */
  add(response: ServerResponse, feed: Feed, lastEventId: string | undefined): void {
    const viewer = new Viewer(response, feed, this.#options, feed.positionOf(lastEventId ?? '') ?? NOTHING);
    this.#viewers.add(viewer);
    response.once('close', () => this.#viewers.delete(viewer));
    viewer.start();
  }

  /** There is more to send. */
  advance(): void {
    for (const viewer of this.#viewers) viewer.advance();
  }

  /** Ends all streams, whole events sent. */
  close(): void {
    clearInterval(this.#heartbeats);
    for (const viewer of this.#viewers) viewer.end();
  }

  #beat(): void {
    for (const viewer of this.#viewers) viewer.beat();
  }
}

/**
 * One stream. What it gets next is taken from the feed when it has taken the last: whoever reads slowly makes nothing wait
 * but a piece of one event, whose bytes are the same for all.
 */
class Viewer {
  readonly #response: ServerResponse;
  readonly #feed: Feed;
  readonly #options: ViewersOptions;
  #position: number;
  /** Of the last event, what is still to be written. */
  #rest: Buffer = Buffer.alloc(0);
  /** Since when it takes nothing; undefined while it does. */
  #stalledAt: number | undefined;

  constructor(response: ServerResponse, feed: Feed, options: ViewersOptions, position: number) {
    this.#response = response;
    this.#feed = feed;
    this.#options = options;
    this.#position = position;
  }

  start(): void {
    this.#response.on('drain', () => {
      this.#stalledAt = undefined;
      this.advance();
    });
    // Who leaves while something is written.
    this.#response.on('error', () => undefined);
    this.#write(Buffer.concat([RETRY, HEARTBEAT]));
    this.advance();
  }

  advance(): void {
    while (this.#stalledAt === undefined) {
      if (this.#rest.length === 0 && !this.#next()) return;
      this.#write(this.#rest.subarray(0, PIECE_BYTES));
      this.#rest = this.#rest.subarray(PIECE_BYTES);
    }
  }

  beat(): void {
    if (this.#stalledAt === undefined) this.#write(HEARTBEAT);
    else if (performance.now() - this.#stalledAt >= this.#options.stallMs) {
      this.#options.onStalled();
      this.#response.destroy();
    }
  }

  end(): void {
    if (this.#stalledAt === undefined) this.#response.end();
    else this.#response.destroy();
  }

  #next(): boolean {
    const event = this.#feed.after(this.#position);
    if (event === undefined) return false;
    this.#position = event.position;
    this.#rest = event.bytes;
    this.#options.onEvent(event.type);
    return true;
  }

  #write(bytes: Buffer): void {
    if (!this.#response.write(bytes)) this.#stalledAt = performance.now();
  }
}
