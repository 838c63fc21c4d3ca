import { Agent } from 'node:http';
import { type RequestRecord, sendUntilAnswered } from './honest-client.js';
import type { KnownImage } from './known-images.js';
import { RequestMix } from './request-mix.js';
import { everyMs, type Repetition } from './schedule.js';

/** One core serves several times as much. */
const REQUESTS_PER_SECOND = 20;
/** Enough to keep one core busy. */
const WARM_UP_CLIENTS = 8;

/** Clients that come at a rate, whatever becomes of those before them. */
export class HonestTraffic {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #mix: RequestMix;
  readonly #underWay = new Set<Promise<void>>();
  readonly #record: (request: RequestRecord, startedAt: number) => void;
  readonly #arrivals: Repetition;

  constructor(
    url: string,
    images: readonly KnownImage[],
    record: (request: RequestRecord, startedAt: number) => void,
  ) {
    this.#url = url;
    this.#mix = new RequestMix('honest', images, this.#agent);
    this.#record = record;
    this.#arrivals = everyMs(1000 / REQUESTS_PER_SECOND, () => this.#arrive());
  }

  /** Nobody else comes; resolves once those who came have been answered or lost. */
  async stop(): Promise<void> {
    this.#arrivals.stop();
    await Promise.all(this.#underWay);
    this.#agent.destroy();
  }

  #arrive(): void {
    const startedAt = performance.now();
    const coming = sendUntilAnswered(this.#url, this.#mix.next(), this.#mix.random).then((done) => {
      this.#record(done, startedAt);
      this.#underWay.delete(coming);
    });
    this.#underWay.add(coming);
  }
}

/** As much honest traffic as the service takes, until its code is compiled and its memory as large as work makes it. */
export async function warmUp(url: string, images: readonly KnownImage[], ms: number): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  const mix = new RequestMix('warm-up', images, agent);
  const deadline = performance.now() + ms;
  let answered = 0;
  const loop = async (): Promise<void> => {
    while (performance.now() < deadline) {
      const { outcome } = await sendUntilAnswered(url, mix.next(), mix.random);
      if (outcome === 'ok') answered += 1;
    }
  };
  await Promise.all(Array.from({ length: WARM_UP_CLIENTS }, loop));
  agent.destroy();
  return answered;
}
