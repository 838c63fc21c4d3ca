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

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  known(revision: string): Commit | undefined {
    return this.#known.get(revision);
  }

  /** @returns whether it is known only now */
  async learn({ name, namespace, revision }: ApplicationItem): Promise<boolean> {
    const askedAt = this.#asked.get(revision) ?? Number.NEGATIVE_INFINITY;
    const isAsked = performance.now() - askedAt < PAUSE_MS;
    // A chart's version is no commit.
    if (this.#known.has(revision) || isAsked || !/^[0-9a-f]{40}$/.test(revision)) return false;
    keep(this.#asked, revision, performance.now());
    try {
      keep(this.#known, revision, await this.#ask(name, namespace, revision));
      this.#options.onState('connected', '');
      return true;
    } catch (error) {
      if (!this.#options.stop.aborted) this.#options.onState('failed', messageOf(error));
      return false;
    }
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
