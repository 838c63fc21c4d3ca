import { setTimeout as pause } from 'node:timers/promises';
import type { Training } from './decide.js';
import { type Call, type CallResult, callGitHub, type GitHubAddress } from './github-request.js';

const WORKFLOW = 'retrain.yml';
const EVENT_TYPE = 'model-drift';
const MAX_ATTEMPTS = 4;
/** A limit that takes longer to end is left to the next notification, milliseconds. */
const MAX_PAUSE_MS = 30_000;

type Payload = { readonly decision: string } & Readonly<Record<string, unknown>>;

/** Surely not delivered. */
export class NotDelivered extends Error {}

export interface GitHubOptions extends GitHubAddress {
  /** Before the second attempt, and doubled from then on, milliseconds. */
  readonly firstPauseMs: number;
  /** Told of every call. */
  readonly onCall: (call: 'dispatch' | 'runs', result: string) => void;
}

/** The repository whose workflow trains. */
export class GitHub {
  readonly #options: GitHubOptions;

  constructor(options: GitHubOptions) {
    this.#options = options;
  }

  /**
   * Sends repository_dispatch, and again where GitHub says that it failed or has had too much, unless a run shows that it
   * came through.
   * @param payload with `decision`, by which the run is found again
   * @returns `unknown` where nobody can tell whether it was delivered: it is not sent again
   * @throws NotDelivered
   */
  async dispatch(payload: Payload, stop: AbortSignal): Promise<'accepted' | 'unknown'> {
    const body = { event_type: EVENT_TYPE, client_payload: payload };
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#call('dispatch', { method: 'POST', path: '/dispatches', body });
      if (result.kind === 'lost') return 'unknown';
      if (result.kind === 'answer' && result.status >= 200 && result.status < 300) return 'accepted';
      const pauseMs = pauseBefore(result, this.#options.firstPauseMs * 2 ** (attempt - 1));
      if (pauseMs === undefined) throw new NotDelivered(describe(result));
      // At the end of the bridge it is looked at once more, but not sent again.
      await pause(pauseMs, undefined, { signal: stop }).catch(() => undefined);
      const found = isServersFault(result) ? await this.#find(payload.decision) : 'absent';
      if (found !== 'absent') return found;
      if (attempt === MAX_ATTEMPTS || stop.aborted) throw new NotDelivered(describe(result));
    }
  }

  /**
   * The newest runs of the workflow.
   * @throws NotDelivered where GitHub does not say
   */
  async trainings(): Promise<readonly Training[]> {
    const path = `/actions/workflows/${WORKFLOW}/runs?per_page=30&exclude_pull_requests=true`;
    const result = await this.#call('runs', { method: 'GET', path });
    if (result.kind !== 'answer' || result.status !== 200) throw new NotDelivered(describe(result));
    return parseRuns(result.text);
  }

  /** What became of a dispatch that GitHub says it failed at; it may have taken it all the same. */
  async #find(decision: string): Promise<'accepted' | 'absent' | 'unknown'> {
    try {
      return (await this.trainings()).some(({ cause }) => cause === decision) ? 'accepted' : 'absent';
    } catch {
      return 'unknown';
    }
  }

  async #call(name: 'dispatch' | 'runs', call: Call): Promise<CallResult> {
    const result = await callGitHub(this.#options, call);
    this.#options.onCall(name, result.kind === 'answer' ? String(result.status) : result.kind);
    return result;
  }
}

/** How long to wait before the same call may be made again, milliseconds; undefined where it may not. */
function pauseBefore(result: CallResult, usualMs: number): number | undefined {
  if (result.kind !== 'answer') return result.kind === 'unsent' ? usualMs : undefined;
  if (result.status >= 500) return usualMs;
  if (!isLimit(result)) return undefined;
  const pauseMs = Math.max(usualMs, msUntilAllowed(result.headers));
  return pauseMs <= MAX_PAUSE_MS ? pauseMs : undefined;
}

function isServersFault(result: CallResult): boolean {
  return result.kind === 'answer' && result.status >= 500;
}

/** 403 is also what a token without the right gets, which waiting does not change. */
function isLimit({ status, headers }: Extract<CallResult, { kind: 'answer' }>): boolean {
  return (
    status === 429 ||
    (status === 403 && (headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0'))
  );
}

function msUntilAllowed(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  if (Number.isFinite(seconds)) return seconds * 1000;
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  return Number.isFinite(reset) ? reset * 1000 - Date.now() : 0;
}

function describe(result: CallResult): string {
  if (result.kind !== 'answer') return `GitHub cannot be reached: ${result.reason}`;
  const { message } = (parse(result.text) ?? {}) as { readonly message?: unknown };
  return `GitHub answered ${result.status}${typeof message === 'string' ? `: ${message.slice(0, 200)}` : ''}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseRuns(text: string): Training[] {
  const { workflow_runs: runs } = (parse(text) ?? {}) as { readonly workflow_runs?: unknown };
  if (!Array.isArray(runs)) throw new NotDelivered('GitHub answered with no list of runs');
  return runs.flatMap(trainingOf);
}

/** A run as retrain.yml names it: `retrain MODEL CAUSE`. Others are of nobody's concern here. */
function trainingOf(run: Readonly<Record<string, unknown>> | null): Training[] {
  const [, model, cause] = /^retrain (\S+) (\S+)$/.exec(String(run?.['display_title'])) ?? [];
  if (run === null || model === undefined || cause === undefined) return [];
  return [
    {
      model,
      cause,
      event: String(run['event']),
      isOver: run['status'] === 'completed',
      conclusion: String(run['conclusion'] ?? ''),
      startedAt: Date.parse(String(run['created_at'])),
      changedAt: Date.parse(String(run['updated_at'])),
    },
  ];
}
