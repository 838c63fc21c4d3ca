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
  heartbeats = 0;
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

  /** @param lastEventId of the event that it has had last, as a browser tells it */
  static async open(url: string, lastEventId?: string): Promise<Viewer> {
    const request = http.get(`${url}/events`, {
      agent: false,
      headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return new Viewer(request, response.setEncoding('utf8'));
  }

  get lastEventId(): string {
    return this.events.at(-1)?.id ?? '';
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
    if (type === 'heartbeat' && !fields.has('id')) {
      this.heartbeats += 1;
      return;
    }
    if (type === undefined) return;
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
