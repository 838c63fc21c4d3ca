import type { Agent } from 'node:http';
import { randomSource } from '../../../bench/random-source.js';
import type { PlannedRequest } from './honest-client.js';
import { FORMS } from './honest-request.js';
import type { KnownImage } from './known-images.js';

/** Of the requests, those on connections that are kept. */
const KEPT_SHARE = 0.7;
/** Of those with one image, those with a photograph. */
const PHOTOGRAPH_SHARE = 0.02;

/** What honest clients ask for: every form, every image, each with an id of its own; the same in every run. */
export class RequestMix {
  readonly random = randomSource(7);
  readonly #prefix: string;
  readonly #images: readonly KnownImage[];
  readonly #photograph: KnownImage;
  readonly #agent: Agent;
  #count = 0;

  constructor(prefix: string, images: readonly KnownImage[], agent: Agent) {
    const photograph = images.at(-1);
    if (photograph === undefined) throw new Error('no images to send');
    this.#prefix = prefix;
    this.#images = images.slice(0, -1);
    this.#photograph = photograph;
    this.#agent = agent;
  }

  next(): PlannedRequest {
    this.#count += 1;
    const form = this.#pick(FORMS);
    const isPhotograph = !form.isBatch && this.random() < PHOTOGRAPH_SHARE;
    const images = isPhotograph
      ? [this.#photograph]
      : Array.from({ length: form.images }, () => this.#pick(this.#images));
    const agent = this.random() < KEPT_SHARE ? this.#agent : undefined;
    return { id: `${this.#prefix}-${this.#count}`, form, images, agent };
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.random() * items.length)] as Item;
  }
}
