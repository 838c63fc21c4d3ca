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
/** Everything comes at once with a stream, unless something between holds it back until it ends, as some proxies do. */
const FIRST_EVENT_MS = 10_000;
/** Between two questions where there is no stream. */
const ASK_MS = 5000;
const ANSWER_MS = 15_000;

/** What the server streams, put together: all items as they are now. */
export class Feed {
  /** @type {Map<string, Item>} */
  items = new Map();
  /** @type {readonly SourceState[]} */
  sources = [];
  /** Oldest first. @type {readonly Entry[]} */
  timeline = [];
  isFilled = false;
  #urls;
  #on;

  /**
   * @param {{ stream: string, state: string }} urls the second is asked where the first brings nothing
   * @param {{ onConnection: (state: 'live' | 'asked' | 'lost') => void, onUpdate: () => void }} on
   */
  constructor(urls, on) {
    this.#urls = urls;
    this.#on = on;
  }

  start() {
    const source = new EventSource(this.#urls.stream);
    let waiting = this.#waitFor(source);
    source.addEventListener('open', () => {
      clearTimeout(waiting);
      // A stream that goes on begins with what is new, and that may be nothing.
      if (this.isFilled) this.#on.onConnection('live');
      else waiting = this.#waitFor(source);
    });
    source.addEventListener('error', () => {
      clearTimeout(waiting);
      this.#on.onConnection('lost');
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.start(), RETRY_MS);
    });
    source.addEventListener('snapshot', ({ data }) => {
      clearTimeout(waiting);
      this.#takeSnapshot(JSON.parse(data));
      this.#on.onConnection('live');
    });
    source.addEventListener('change', ({ data }) => this.#takeChange(JSON.parse(data)));
  }

  /** @param {EventSource} source */
  #waitFor(source) {
    return setTimeout(() => {
      source.close();
      this.#ask();
    }, FIRST_EVENT_MS);
  }

  async #ask() {
    try {
      const answer = await fetch(this.#urls.state, { signal: AbortSignal.timeout(ANSWER_MS) });
      if (!answer.ok) throw new Error(answer.statusText);
      this.#takeSnapshot(await answer.json());
      this.#on.onConnection('asked');
    } catch {
      this.#on.onConnection('lost');
    }
    setTimeout(() => this.#ask(), ASK_MS);
  }

  /** @param {Snapshot} snapshot */
  #takeSnapshot({ items, sources, timeline }) {
    this.items = new Map(items.map((item) => [item.id, item]));
    this.sources = sources;
    this.timeline = this.#goingOn(timeline).slice(-MAX_ENTRIES);
    this.isFilled = true;
    this.#on.onUpdate();
  }

  /**
   * What has been told stays as it is: nothing of it is drawn anew.
   * @param {readonly Entry[]} timeline
   */
  #goingOn(timeline) {
    const last = JSON.stringify(this.timeline.at(-1));
    const told = timeline.findLastIndex((entry) => JSON.stringify(entry) === last);
    return told < 0 ? timeline : [...this.timeline, ...timeline.slice(told + 1)];
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
