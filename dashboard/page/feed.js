// @ts-check

/**
 * @typedef {import('../items.js').Item} Item
 * @typedef {import('../items.js').Entry} Entry
 * @typedef {import('../items.js').Snapshot} Snapshot
 * @typedef {import('../items.js').Change} Change
 * @typedef {import('../items.js').SourceState} SourceState
 */

/** As many lines of the timeline as a page keeps. */
const MAX_ENTRIES = 1000;
/** After an answer that is no stream, such as 503: a browser asks by itself only where a stream broke. */
const RETRY_MS = 5000;

/** What the server streams, put together: all items as they are now. */
export class Feed {
  /** @type {Map<string, Item>} */
  items = new Map();
  /** @type {readonly SourceState[]} */
  sources = [];
  /** Oldest first. @type {readonly Entry[]} */
  timeline = [];
  isFilled = false;
  #url;
  #on;

  /**
   * @param {string} url
   * @param {{ onConnection: (state: 'live' | 'lost') => void, onUpdate: () => void }} on
   */
  constructor(url, on) {
    this.#url = url;
    this.#on = on;
  }

  start() {
    const source = new EventSource(this.#url);
    source.addEventListener('open', () => this.#on.onConnection('live'));
    source.addEventListener('error', () => {
      this.#on.onConnection('lost');
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.start(), RETRY_MS);
    });
    source.addEventListener('snapshot', ({ data }) => this.#takeSnapshot(JSON.parse(data)));
    source.addEventListener('change', ({ data }) => this.#takeChange(JSON.parse(data)));
  }

  /** @param {Snapshot} snapshot */
  #takeSnapshot({ items, sources, timeline }) {
    this.items = new Map(items.map((item) => [item.id, item]));
    this.sources = sources;
    this.timeline = timeline.slice(-MAX_ENTRIES);
    this.isFilled = true;
    this.#on.onUpdate();
  }

  /** @param {Change} change */
  #takeChange({ items, removed, sources, timeline }) {
    for (const id of removed) this.items.delete(id);
    for (const item of items) this.items.set(item.id, item);
    const told = new Map(this.sources.map((source) => [source.name, source]));
    for (const source of sources) told.set(source.name, source);
    this.sources = [...told.values()];
    this.timeline = [...this.timeline, ...timeline].slice(-MAX_ENTRIES);
    this.#on.onUpdate();
  }
}
