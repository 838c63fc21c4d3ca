// @ts-check
import { el, fill } from '../../service/playground/dom.js';
import { clock } from './words.js';

/** @typedef {import('../items.js').Entry} Entry */

const EVERYTHING = '';

/** What happened, newest first, of all namespaces or of one. */
export class TimelineView {
  #list;
  #filters;
  #spoken;
  #namespace = EVERYTHING;
  /** @type {readonly Entry[]} */
  #entries = [];
  #newest = '';
  /** The entry at the top of the list, and the day that its times were written on. @type {Entry | undefined} */
  #top;
  #day = '';

  /** @param {{ list: HTMLElement, filters: HTMLElement, spoken: HTMLElement }} places */
  constructor({ list, filters, spoken }) {
    this.#list = list;
    // It scrolls: by keyboard as well.
    list.tabIndex = 0;
    this.#filters = filters;
    this.#spoken = spoken;
  }

  /** @param {readonly Entry[]} entries oldest first */
  show(entries) {
    if (entries === this.#entries) return;
    const isFirst = this.#entries.length === 0;
    this.#entries = entries;
    if (!isFirst) this.#speak();
    this.#newest = entries.at(-1)?.at ?? '';
    this.#showFilters();
    this.#showEntries();
  }

  /** What went wrong since the last time is told to whoever listens instead of looking. */
  #speak() {
    const bad = this.#entries.filter(({ at, tone }) => tone === 'bad' && at > this.#newest);
    if (bad.length > 0) this.#spoken.textContent = bad.map(({ text }) => text).join('. ');
  }

  #showFilters() {
    const namespaces = [...new Set(this.#entries.map(({ namespace }) => namespace))].filter(Boolean).sort();
    const names = [EVERYTHING, ...namespaces];
    const shown = [...this.#filters.children].map((each) => each.getAttribute('data-namespace'));
    if (names.join() === shown.join()) return;
    fill(this.#filters, ...names.map((name) => this.#filter(name)));
  }

  /** @param {string} namespace */
  #filter(namespace) {
    const button = el('button', {
      type: 'button',
      className: 'quiet',
      'data-namespace': namespace,
      'aria-pressed': namespace === this.#namespace,
      textContent: namespace === EVERYTHING ? 'all' : namespace,
    });
    button.addEventListener('click', () => {
      this.#namespace = namespace;
      this.#top = undefined;
      for (const each of this.#filters.children) each.setAttribute('aria-pressed', String(each === button));
      this.#showEntries();
    });
    return button;
  }

  #showEntries() {
    const shown = this.#entries.filter(
      ({ namespace }) => this.#namespace === EVERYTHING || namespace === this.#namespace,
    );
    const day = new Date().toDateString();
    const drawn = this.#top === undefined || day !== this.#day ? 0 : shown.lastIndexOf(this.#top) + 1;
    const lines = shown.slice(drawn).reverse().map(entryLine);
    if (drawn === 0) fill(this.#list, ...lines);
    else this.#list.prepend(...lines);
    while (this.#list.childElementCount > shown.length) this.#list.lastElementChild?.remove();
    if (shown.length === 0)
      this.#list.append(el('li', { className: 'hint', textContent: 'Nothing has changed yet.' }));
    this.#top = shown.at(-1);
    this.#day = day;
  }
}

/** @param {Entry} entry */
function entryLine({ at, tone, namespace, text }) {
  return el(
    'li',
    { className: `entry is-${tone}` },
    clock(at),
    el('p', {}, text, namespace !== '' && el('span', { className: 'hint', textContent: ` ${namespace}` })),
  );
}
