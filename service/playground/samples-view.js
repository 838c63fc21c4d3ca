// @ts-check
import { byId, el, fill } from './dom.js';

/** @typedef {import('./service.js').Service} Service */
/** @typedef {import('./service.js').Sample} Sample */

/** The pictures that come with the model, as small images to choose from. */
export class SamplesView {
  #area = byId('samples-area', HTMLElement);
  #list = byId('samples', HTMLUListElement);
  #service;
  #onImage;
  #onProblem;
  /** @type {Map<string, Promise<Blob>>} */
  #files = new Map();
  /** @type {string[]} */
  #urls = [];

  /**
   * @param {Service} service
   * @param {import('./sources.js').OnImage} onImage
   * @param {(error: unknown, again: () => void) => void} onProblem
   */
  constructor(service, onImage, onProblem) {
    this.#service = service;
    this.#onImage = onImage;
    this.#onProblem = onProblem;
  }

  /**
   * @param {readonly Sample[]} samples
   * @param {number} chosen how many are chosen at once, the first ones
   */
  async show(samples, chosen) {
    this.#area.hidden = samples.length === 0;
    const buttons = samples.map((sample) => this.#button(sample));
    fill(this.#list, ...buttons.map((button) => el('li', {}, button)));
    for (const sample of samples.slice(0, chosen)) await this.#choose(sample);
    for (const [at, sample] of samples.entries()) await this.#thumbnail(sample, buttons[at]);
  }

  /**
   * Marks the samples that are shown.
   * @param {readonly string[]} names
   */
  mark(names) {
    for (const button of this.#list.querySelectorAll('button'))
      button.setAttribute('aria-pressed', String(names.includes(button.title)));
  }

  clear() {
    this.#area.hidden = true;
    fill(this.#list);
    for (const url of this.#urls) URL.revokeObjectURL(url);
  }

  /** @param {Sample} sample */
  #button(sample) {
    const button = el('button', { type: 'button', className: 'sample', title: sample.name });
    button.setAttribute('aria-label', `Sample ${sample.name}`);
    button.addEventListener('click', () => void this.#choose(sample));
    return button;
  }

  /** @param {Sample} sample */
  async #choose(sample) {
    try {
      await this.#onImage(await this.#file(sample), sample.name);
    } catch (error) {
      this.#files.delete(sample.url);
      this.#onProblem(error, () => void this.#choose(sample));
    }
  }

  /**
   * @param {Sample} sample
   * @param {HTMLButtonElement | undefined} button
   */
  async #thumbnail(sample, button) {
    const file = await this.#file(sample).catch(() => undefined);
    if (file === undefined || button === undefined) return;
    const src = URL.createObjectURL(file);
    this.#urls.push(src);
    fill(button, el('img', { src, alt: '' }));
  }

  /**
   * Each is fetched once.
   * @param {Sample} sample
   */
  #file({ url }) {
    const file = this.#files.get(url) ?? this.#service.sample(url);
    this.#files.set(url, file);
    return file;
  }
}
