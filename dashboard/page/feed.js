// @ts-check

/**
 * @typedef {import('../items.js').Item} Item
 * @typedef {import('../items.js').Entry} Entry
 * @typedef {import('../items.js').Snapshot} Snapshot
 * @typedef {import('../items.js').Change} Change
 * @typedef {import('../items.js').SourceState} SourceState
 */

/** Lines of the timeline about pods that a page keeps, and as many about everything else, as the server does. */
const MAX_OF_EACH = 1000;
/** After an answer that is no stream, such as 503: a browser asks by itself only where a stream broke. */
const RETRY_MS = 5000;
/** Everything comes at once with a stream, unless something between holds it back until it ends, as some proxies do. */
const FIRST_EVENT_MS = 10_000;
/** A connection that is dead may never say so. Two heartbeats of the server may be late. */
const SILENCE_MS = 40_000;
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
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #waiting;
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
    this.#waitForFirst(source);
    source.addEventListener('error', () => {
      this.#lose();
      // It opens the stream by itself.
      if (source.readyState !== EventSource.CLOSED) this.#waitForFirst(source);
    });
    source.addEventListener('snapshot', ({ data }) => {
      this.#takeSnapshot(JSON.parse(data));
      this.#hear(source);
    });
    source.addEventListener('change', ({ data }) => {
      this.#takeChange(JSON.parse(data));
      this.#hear(source);
    });
    source.addEventListener('heartbeat', () => {
      if (this.isFilled) this.#hear(source);
    });
  }

  /** @param {EventSource} source */
  #waitForFirst(source) {
    this.#wait(FIRST_EVENT_MS, () => {
      source.close();
      this.#ask();
    });
  }

  /** @param {EventSource} source */
  #hear(source) {
    this.#on.onConnection('live');
    this.#wait(SILENCE_MS, () => {
      source.close();
      this.#lose();
    });
  }

  #lose() {
    this.#on.onConnection('lost');
    this.#wait(RETRY_MS, () => this.start());
  }

  /**
   * One thing is waited for at a time.
   * @param {number} ms
   * @param {() => void} then
   */
  #wait(ms, then) {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(then, ms);
  }

  async #ask() {
    try {
      const answer = await fetch(this.#urls.state, { signal: AbortSignal.timeout(ANSWER_MS) });
      if (!answer.ok) throw new Error(answer.statusText);
      this.#takeSnapshot(await answer.json());
      this.#on.onConnection('asked');
      this.#wait(ASK_MS, () => this.#ask());
    } catch {
      this.#lose();
    }
  }

  /** @param {Snapshot} snapshot */
  #takeSnapshot({ items, sources, timeline }) {
    this.items = new Map(items.map((item) => [item.id, item]));
    this.sources = sources;
    this.timeline = newestOf(this.#goingOn(timeline));
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
    this.timeline = newestOf([...this.timeline, ...timeline]);
    this.#on.onUpdate();
  }
}

/** @param {readonly Entry[]} entries */
function newestOf(entries) {
  const room = { pods: MAX_OF_EACH, others: MAX_OF_EACH };
  return entries
    .toReversed()
    .filter(({ kind }) => room[kind === 'pod' ? 'pods' : 'others']-- > 0)
    .reverse();
}
