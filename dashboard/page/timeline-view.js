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
  /** The line of each entry that the list has, and the day that their times were written on. @type {Map<Entry, HTMLElement>} */
  #lines = new Map();
  #day = '';
  #nothing = el('li', { className: 'hint', textContent: 'Nothing has changed yet.' });

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
      this.#clear();
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
    if (day !== this.#day) this.#clear();
    this.#day = day;
    const isShown = new Set(shown);
    for (const [entry, line] of this.#lines) {
      if (isShown.has(entry)) continue;
      line.remove();
      this.#lines.delete(entry);
    }
    for (const entry of shown) {
      if (this.#lines.has(entry)) continue;
      const line = entryLine(entry);
      this.#lines.set(entry, line);
      this.#list.prepend(line);
    }
    if (shown.length === 0) this.#list.append(this.#nothing);
    else this.#nothing.remove();
  }

  #clear() {
    for (const line of this.#lines.values()) line.remove();
    this.#lines.clear();
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
