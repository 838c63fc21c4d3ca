import { isDeepStrictEqual } from 'node:util';
import { entriesOf, entriesOfSource } from './entries.js';
import type { Change, Entry, Item, Snapshot, SourceState } from './items.js';
import { text } from './projection/text.js';
import { Timeline } from './timeline.js';

/** Beyond these an item that is new is left out. */
export const MAX_ITEMS = 5000;

export interface StoreOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** What an earlier process kept, oldest first. */
  readonly timeline: readonly Entry[];
  /** There is a change to take, and there was none before. */
  onChange(): void;
  onEntry(entry: Entry): void;
}

/** Everything that the dashboard shows, and what of it is new since the last change that was taken. */
export class Store {
  readonly #options: StoreOptions;
  readonly #items = new Map<string, Item>();
  readonly #sources = new Map<string, SourceState>();
  readonly #timeline: Timeline;
  /** Prefixes of ids of which all items were given once. */
  readonly #known = new Set<string>();
  /** Ids of what there was no room for. */
  readonly #leftOut = new Set<string>();
  #changed = new Set<string>();
  #changedSources = new Set<string>();
  #newEntries = new Timeline();
  #hasChange = false;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#timeline = new Timeline(options.timeline);
  }

  get items(): Iterable<Item> {
    return this.#items.values();
  }

  item(id: string): Item | undefined {
    return this.#items.get(id);
  }

  /** @param isTold whether what is new about it goes into the timeline */
  put(item: Item, isTold = true): void {
    const previous = this.#items.get(item.id);
    if (previous === undefined && this.#items.size >= MAX_ITEMS) {
      this.#leftOut.add(item.id);
      this.setSource('items', 'failed', `there are more than ${MAX_ITEMS}: others are not shown`);
      return;
    }
    this.#include(item.id);
    if (isDeepStrictEqual(previous, item)) return;
    this.#items.set(item.id, item);
    this.#touch(item.id);
    if (!isTold) return;
    for (const entry of entriesOf(previous, item, this.#now())) this.tell(entry);
  }

  remove(id: string): void {
    this.#include(id);
    const previous = this.#items.get(id);
    if (previous === undefined) return;
    this.#items.delete(id);
    this.#touch(id);
    for (const entry of entriesOf(previous, undefined, this.#now())) this.tell(entry);
  }

  /**
   * All items whose ids begin so: others that did are gone. The first time nothing of it goes into the timeline, since it
   * was there before anybody looked.
   */
  sync(prefix: string, items: readonly Item[]): void {
    const ids = new Set(items.map(({ id }) => id));
    for (const id of [...this.#items.keys(), ...this.#leftOut])
      if (id.startsWith(prefix) && !ids.has(id)) this.remove(id);
    for (const item of items) this.put(item, this.#known.has(prefix));
    this.#known.add(prefix);
  }

  /** @returns whether that is news */
  setSource(name: string, state: SourceState['state'], reason = ''): boolean {
    const previous = this.#sources.get(name);
    const next = { name, state, reason: text(reason), since: this.#now() };
    if (previous?.state === state && previous.reason === next.reason) return false;
    const source = previous?.state === state ? { ...next, since: previous.since } : next;
    this.#sources.set(name, source);
    this.#changedSources.add(name);
    this.#notify();
    for (const entry of entriesOfSource(previous, source)) this.tell(entry);
    return true;
  }

  tell(entry: Entry): void {
    this.#timeline.add(entry);
    this.#newEntries.add(entry);
    this.#options.onEntry(entry);
    this.#notify();
  }

  /** What is new since the last one; undefined where nothing is. */
  takeChange(): Change | undefined {
    if (!this.#hasChange) return undefined;
    const changed = [...this.#changed];
    const change = {
      at: this.#now(),
      items: changed.flatMap((id) => this.#items.get(id) ?? []),
      removed: changed.filter((id) => !this.#items.has(id)),
      sources: [...this.#changedSources].flatMap((name) => this.#sources.get(name) ?? []),
      timeline: this.#newEntries.entries,
    };
    this.#changed = new Set();
    this.#changedSources = new Set();
    this.#newEntries = new Timeline();
    this.#hasChange = false;
    return change;
  }

  /** What has not been taken as a change yet is in it. */
  snapshot(): Snapshot {
    return {
      at: this.#now(),
      items: [...this.#items.values()],
      sources: [...this.#sources.values()],
      timeline: this.#timeline.entries,
    };
  }

  /** It is shown, or gone. */
  #include(id: string): void {
    if (this.#leftOut.delete(id) && this.#leftOut.size === 0) this.setSource('items', 'connected');
  }

  #touch(id: string): void {
    this.#changed.add(id);
    this.#notify();
  }

  #notify(): void {
    if (this.#hasChange) return;
    this.#hasChange = true;
    this.#options.onChange();
  }

  #now(): string {
    return new Date(this.#options.now()).toISOString();
  }
}
