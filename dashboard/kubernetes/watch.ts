import type { IncomingMessage } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { messageOf } from '../../service/errors.js';
import type { SourceState } from '../items.js';
import { type KubernetesClient, RefusedByServer } from './client.js';
import type { KubernetesObject } from './object.js';

/** @template Value what is kept of an object */
export interface WatchOptions<Value> {
  readonly client: KubernetesClient;
  /** Of the collection, such as `/api/v1/namespaces/default/pods`. */
  readonly path: string;
  readonly stop: AbortSignal;
  /** Undefined for one that does not matter. */
  read(object: KubernetesObject): Value | undefined;
  /** All that there is: at the start, and whenever what happened meanwhile is not known. */
  onList(values: readonly Value[]): void;
  onChange(value: Value): void;
  onGone(object: KubernetesObject): void;
  onState(state: SourceState['state'], reason: string): void;
  /** What there is is known by now, or that it may not be seen. */
  onSettled(): void;
  /** An attempt after one that failed. */
  onRestart(): void;
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: KubernetesObject & { readonly code?: number; readonly message?: string };
}

interface List {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly KubernetesObject[];
}

const PAGE_OBJECTS = 500;
const LIST_TIMEOUT_MS = 30_000;
/** The server ends a watch then, and it goes on with another one. */
const WATCH_SECONDS = 300;
/** A watch that the server should have ended by now has lost its connection. */
const WATCH_TIMEOUT_MS = (WATCH_SECONDS + 30) * 1000;
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 30_000;
/** A kind that is not there may come at any time. */
const ABSENT_PAUSE_MS = 10_000;
/** A watch that lasted this long was none that fails at once, milliseconds. */
const LASTING_MS = 5000;

/** Lists, then watches, over all that can break, until it is stopped. Never rejects. */
export async function watchForever<Value>(options: WatchOptions<Value>): Promise<void> {
  const watch = new Watch(options);
  while (!options.stop.aborted) {
    await watch.attempt();
    await pause(watch.pauseMs, undefined, { signal: options.stop }).catch(() => undefined);
  }
}

class Watch<Value> {
  readonly #options: WatchOptions<Value>;
  /** Where the watch goes on; undefined where it has to list first. */
  #version: string | undefined;
  #failures = 0;
  #isAbsent = false;

  constructor(options: WatchOptions<Value>) {
    this.#options = options;
  }

  /** Before the next attempt: doubled with each failure, and never the same for all that watch. */
  get pauseMs(): number {
    if (this.#failures === 0) return 0;
    const doubled = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LAST_PAUSE_MS);
    return (this.#isAbsent ? ABSENT_PAUSE_MS : doubled) * (0.5 + Math.random() / 2);
  }

  /** From a list, or where the last watch ended, to the end of a watch. */
  async attempt(): Promise<void> {
    if (this.#failures > 0) this.#options.onRestart();
    const startedAt = performance.now();
    try {
      this.#version ??= await this.#list();
      await this.#watch(this.#version);
      // Ended by the server, as it does after a while; or at once by something between, again and again.
      this.#failures = performance.now() - startedAt < LASTING_MS ? this.#failures + 1 : 0;
    } catch (error) {
      if (!this.#options.stop.aborted) this.#failed(error, performance.now() - startedAt);
    }
  }

  #failed(error: unknown, lastedMs: number): void {
    const status = error instanceof RefusedByServer ? error.status : undefined;
    // Of a connection that broke nothing is lost: the next watch begins where this one ended.
    if (status !== undefined) this.#version = undefined;
    this.#failures = lastedMs < LASTING_MS ? this.#failures + 1 : 1;
    this.#isAbsent = status === 404;
    if (status === 403 || status === 404) this.#options.onSettled();
    if (status === 410) this.#options.onState('connecting', 'what was known has expired');
    else if (this.#isAbsent) this.#absent(messageOf(error));
    else if (status !== undefined || this.#failures > 1) this.#options.onState('failed', messageOf(error));
    else this.#options.onState('connecting', messageOf(error));
  }

  #absent(reason: string): void {
    this.#options.onList([]);
    this.#options.onState('absent', reason);
  }

  /** @returns the version that the list is of */
  async #list(): Promise<string> {
    const { client, path, stop } = this.#options;
    const values: Value[] = [];
    const signal = AbortSignal.any([stop, AbortSignal.timeout(LIST_TIMEOUT_MS)]);
    let page: List | undefined;
    do {
      const query = new URLSearchParams({
        limit: String(PAGE_OBJECTS),
        continue: page?.metadata.continue ?? '',
      });
      page = JSON.parse(await readAll(await client.get(`${path}?${query}`, signal))) as List;
      values.push(...page.items.flatMap((object) => this.#options.read(object) ?? []));
    } while ((page.metadata.continue ?? '') !== '');
    this.#options.onList(values);
    this.#options.onState('connected', '');
    this.#options.onSettled();
    return page.metadata.resourceVersion;
  }

  async #watch(version: string): Promise<void> {
    const { client, path, stop } = this.#options;
    const query = new URLSearchParams({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    const signal = AbortSignal.any([stop, AbortSignal.timeout(WATCH_TIMEOUT_MS)]);
    const response = await client.get(`${path}?${query}`, signal);
    this.#options.onState('connected', '');
    for await (const line of linesOf(response)) this.#take(JSON.parse(line) as WatchEvent);
  }

  #take({ type, object }: WatchEvent): void {
    if (type === 'ERROR') throw new RefusedByServer(object.code ?? 500, object.message ?? 'the watch failed');
    if (type === 'ADDED' || type === 'MODIFIED') this.#changed(object);
    if (type === 'DELETED') this.#options.onGone(object);
    this.#version = object.metadata.resourceVersion ?? this.#version;
  }

  #changed(object: KubernetesObject): void {
    const value = this.#options.read(object);
    if (value !== undefined) this.#options.onChange(value);
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

/** Whole lines; what comes after the last line break is none. */
async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of response) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
