import { readToken } from '../../bridge/token-file.js';
import { messageOf } from '../../service/errors.js';
import type { ApplicationItem, Commit, SourceState } from '../items.js';
import { text } from '../projection/text.js';
import { getJson } from './get-json.js';

export interface CommitsOptions {
  /** Argo CD's server. */
  readonly url: string;
  readonly tokenFile: string;
  readonly stop: AbortSignal;
  onState(state: SourceState['state'], reason: string): void;
}

const MAX_KEPT = 500;
/** What could not be had is not asked for again before, milliseconds. */
const PAUSE_MS = 60_000;

/** Who made a commit and what it says: Argo CD knows, and tells whoever may `get` the application. */
export class Commits {
  readonly #options: CommitsOptions;
  readonly #known = new Map<string, Commit>();
  readonly #asked = new Map<string, number>();
  /** Why not, by application: asked again, whoever else has told the commit meanwhile, until that is over. */
  readonly #failed = new Map<string, string>();

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  known(revision: string): Commit | undefined {
    return this.#known.get(revision);
  }

  /** @returns whether it is known only now */
  async learn({ id, name, namespace, revision }: ApplicationItem): Promise<boolean> {
    // What may not be asked of one application may be asked of another.
    const question = `${id} ${revision}`;
    const askedAt = this.#asked.get(question) ?? Number.NEGATIVE_INFINITY;
    const isAsked = performance.now() - askedAt < PAUSE_MS;
    const isAnswered = this.#known.has(revision) && !this.#failed.has(id);
    // A chart's version is no commit.
    if (isAnswered || isAsked || !/^[0-9a-f]{40}$/.test(revision)) return false;
    keep(this.#asked, question, performance.now());
    try {
      keep(this.#known, revision, await this.#ask(name, namespace, revision));
      this.#failed.delete(id);
      this.#tellState();
      return true;
    } catch (error) {
      keep(this.#failed, id, `${name}: ${messageOf(error)}`);
      this.#tellState();
      return false;
    }
  }

  /** The application is gone. */
  forget(id: string): void {
    if (this.#failed.delete(id)) this.#tellState();
  }

  /** All others are gone. */
  retain(applications: readonly ApplicationItem[]): void {
    const ids = new Set(applications.map(({ id }) => id));
    for (const id of this.#failed.keys()) if (!ids.has(id)) this.forget(id);
  }

  #tellState(): void {
    const { stop, onState } = this.#options;
    const [reason] = this.#failed.values();
    if (!stop.aborted) onState(reason === undefined ? 'connected' : 'failed', reason ?? '');
  }

  async #ask(name: string, namespace: string, revision: string): Promise<Commit> {
    const { url, tokenFile, stop } = this.#options;
    const path = `/api/v1/applications/${encodeURIComponent(name)}/revisions/${revision}/metadata`;
    const answer = await getJson({
      url: `${url}${path}?appNamespace=${encodeURIComponent(namespace)}`,
      token: await readToken(tokenFile),
      stop,
    });
    return projectCommit(answer as Parameters<typeof projectCommit>[0]);
  }
}

/** The author by name alone: who looks at the page need not have the address. */
export function projectCommit(metadata: { author?: string; date?: string; message?: string }): Commit {
  return {
    author: text(metadata.author?.replace(/\s*<[^>]*>?\s*$/, ''), 100),
    subject: text(metadata.message?.split('\n', 1)[0], 200),
    at: text(metadata.date),
  };
}

function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.set(key, value);
  const oldest = map.keys().next().value;
  if (map.size > MAX_KEPT && oldest !== undefined) map.delete(oldest);
}
