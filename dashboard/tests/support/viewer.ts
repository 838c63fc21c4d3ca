import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import type { Change, Entry, Item, Snapshot, SourceState } from '../../items.js';

interface StreamEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/** Watches the stream as a browser does, and holds what it shows. */
export class Viewer {
  readonly events: StreamEvent[] = [];
  readonly items = new Map<string, Item>();
  readonly sources = new Map<string, SourceState>();
  readonly timeline: Entry[] = [];
  comments = 0;
  isEnded = false;
  readonly response: IncomingMessage;
  readonly #request: ClientRequest;
  #rest = '';
  #onNews: () => void = () => undefined;

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.response = response;
    response.on('data', (chunk) => this.#take(chunk));
    response.on('error', () => undefined);
    response.on('close', () => {
      this.isEnded = true;
      this.#onNews();
    });
  }

  /** @param from another viewer whose stream this one goes on with */
  static async open(url: string, from?: Viewer): Promise<Viewer> {
    const lastEventId = from?.events.at(-1)?.id;
    const request = http.get(`${url}/events`, {
      agent: false,
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const viewer = new Viewer(request, response.setEncoding('utf8'));
    for (const [id, item] of from?.items ?? []) viewer.items.set(id, item);
    viewer.timeline.push(...(from?.timeline ?? []));
    return viewer;
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** Resolves when it holds; the test's own limit ends what never does. */
  async until(holds: (viewer: Viewer) => boolean): Promise<void> {
    while (!holds(this)) {
      await new Promise<void>((resolve) => {
        this.#onNews = resolve;
      });
    }
  }

  leave(): void {
    this.#request.destroy();
  }

  #take(chunk: string): void {
    const blocks = (this.#rest + chunk).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) this.#takeBlock(block);
    this.#onNews();
  }

  #takeBlock(block: string): void {
    const fields = new Map(block.split('\n').map((line) => line.split(/: ?(.*)/s, 2) as [string, string]));
    const type = fields.get('event');
    if (type === undefined) {
      if (block.startsWith(':')) this.comments += 1;
      return;
    }
    const data = fields.get('data') ?? '';
    this.events.push({ id: fields.get('id') ?? '', type, data });
    if (type === 'snapshot') this.#takeSnapshot(JSON.parse(data));
    else this.#takeChange(JSON.parse(data));
  }

  #takeSnapshot({ items, sources, timeline }: Snapshot): void {
    this.items.clear();
    this.timeline.length = 0;
    this.#takeChange({ at: '', items, removed: [], sources, timeline });
  }

  #takeChange({ items, removed, sources, timeline }: Change): void {
    for (const id of removed) this.items.delete(id);
    for (const item of items) this.items.set(item.id, item);
    for (const source of sources) this.sources.set(source.name, source);
    this.timeline.push(...timeline);
  }
}
