import { setTimeout as sleep } from 'node:timers/promises';
import autocannon from 'autocannon';
import { mustAbort, type Thresholds } from '../gates.js';
import { type Image, uploadOf } from '../images.js';
import type { Requests } from '../settings.js';
import { Connection } from './connection.js';
import { type Answer, Ledger, type Sample } from './ledger.js';
import type { Pace } from './pace.js';

export interface Run {
  readonly samples: readonly Sample[];
  readonly dropped: number;
  /** From the start to the end, or to the last answer where that came later. */
  readonly seconds: number;
  /** Ended early, since too many requests failed. */
  readonly aborted: boolean;
}

/** One server, with the images that it gets and what it should answer. */
export interface Target {
  readonly url: string;
  readonly requests: Requests;
  readonly images: readonly Image[];
  /** Right answers by image; grows where nobody has said them. One for all runs against this server. */
  readonly labels: Map<Image, string>;
}

export function targetOf(url: string, requests: Requests, images: readonly Image[]): Target {
  const known = images.flatMap((image) => (image.label === undefined ? [] : [[image, image.label] as const]));
  return { url, requests, images, labels: new Map(known) };
}

/** Who looks on while a run goes on. */
export interface Watch {
  /** Ends the run early when it goes as badly as these say. */
  readonly abort?: Thresholds;
  /** Once a second. */
  progress?(seconds: number, answered: number, errors: number): void;
}

/** autocannon notices only at this pace that it is over. */
const SAMPLE_MS = 50;
/** For connections to open before the first request is due. */
const LEAD_MS = 100;

/** Posts the images in turn, at a pace, and looks at every answer. */
export function fire(target: Target, pace: Pace, connections: number, watch: Watch = {}): Promise<Run> {
  return new Volley(target, pace, watch).fire(connections);
}

class Volley {
  readonly #target: Target;
  readonly #pace: Pace;
  readonly #watch: Watch;
  readonly #ledger: Ledger;
  #instance: autocannon.Instance | undefined;
  #opened = 0;
  #isOver = false;
  #aborted = false;
  /** autocannon shows an answer just before it reports it. */
  #shown: Answer | undefined;

  constructor(target: Target, pace: Pace, watch: Watch) {
    this.#target = target;
    this.#pace = pace;
    this.#watch = watch;
    this.#ledger = new Ledger(target.labels);
  }

  async fire(connections: number): Promise<Run> {
    const done = this.#open(connections, await this.#requests());
    await Promise.race([done, sleep(LEAD_MS)]);
    this.#ledger.startMs = performance.now();
    this.#pace.start(
      () => this.#ledger.dropped++,
      () => this.#finish(),
    );
    const clock = setInterval(() => this.#tell(), 1000);
    await done.finally(() => clearInterval(clock));
    const { samples, dropped } = this.#ledger;
    const seconds = Math.max(this.#aborted ? 0 : this.#pace.seconds, lastMs(samples) / 1000);
    return { samples, dropped, seconds, aborted: this.#aborted };
  }

  #open(connections: number, requests: readonly autocannon.Request[]): Promise<void> {
    const { url, requests: settings } = this.#target;
    const options: autocannon.Options = {
      url,
      connections,
      setupClient: (client) => this.#adopt(client, requests),
      timeout: settings.timeoutSeconds,
      // Never reached: the pace ends the run, and its timeout each request.
      duration: this.#pace.seconds + 10 * settings.timeoutSeconds + 60,
      sampleInt: SAMPLE_MS,
    };
    return new Promise((resolve, reject) => {
      this.#instance = autocannon(options, (error) => (error ? reject(error) : resolve()));
    });
  }

  #adopt(client: autocannon.Client, requests: readonly autocannon.Request[]): void {
    // Rotated, so that connections do not all begin with the same image.
    const first = this.#opened++ % requests.length;
    client.setRequests([...requests.slice(first), ...requests.slice(0, first)]);
    new Connection(client, this.#target.requests.timeoutSeconds * 1000, {
      idle: (connection) => this.#pace.idle(connection),
      sent: () => this.#ledger.sent(),
      answered: (flight) => {
        if (this.#shown === undefined) throw new Error('autocannon reports an answer that it has not shown');
        this.#ledger.answered(flight, this.#shown);
        this.#shown = undefined;
        this.#look();
      },
      lost: (flight, reason) => {
        this.#ledger.lost(flight, reason);
        this.#look();
      },
    });
  }

  /** After each request: is this the end? */
  #look(): void {
    const { startMs, errors, samples, inFlight } = this.#ledger;
    const seconds = (performance.now() - startMs) / 1000;
    const { abort } = this.#watch;
    if (!this.#isOver && abort && mustAbort(errors, samples.length, seconds, abort)) {
      this.#aborted = true;
      this.#pace.stop();
      this.#isOver = true;
    }
    if (this.#isOver && inFlight === 0) this.#instance?.stop();
  }

  #tell(): void {
    const { startMs, errors, samples } = this.#ledger;
    this.#watch.progress?.((performance.now() - startMs) / 1000, samples.length - errors, errors);
  }

  /** Nothing more will be sent. */
  #finish(): void {
    this.#isOver = true;
    if (this.#ledger.inFlight === 0) this.#instance?.stop();
  }

  #requests(): Promise<autocannon.Request[]> {
    const { url, requests, images } = this.#target;
    const path = `${new URL(url).pathname.replace(/\/$/, '')}/predict`;
    return Promise.all(
      images.map(async (image): Promise<autocannon.Request> => {
        const { contentType, body } = await uploadOf(image, requests.upload);
        return {
          method: 'POST',
          path,
          headers: { ...requests.headers, 'content-type': contentType },
          body,
          onResponse: (status, text, _context, headers) => {
            this.#shown = { image, status, body: text, headers: headers ?? {} };
          },
        };
      }),
    );
  }
}

function lastMs(samples: readonly Sample[]): number {
  return samples.reduce((last, { atMs, latencyMs }) => Math.max(last, atMs + latencyMs), 0);
}
