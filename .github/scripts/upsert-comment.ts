/**
 * upsert-comment.ts FOLDER: writes the report of a load test (see loadtest-report.ts) into one comment on its pull request,
 * which it finds by itself: GitHub says which one, not the run. From the environment: GITHUB_API_URL, GH_TOKEN, REPOSITORY,
 * and of the run HEAD_OWNER, HEAD_BRANCH, HEAD_SHA, HEAD_REPOSITORY_ID, RUN_NUMBER, RUN_ATTEMPT, RUN_URL. Needs Node alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { markdownOf, readResults } from './loadtest-report.ts';

const MARKER = '<!-- cv-loadtest -->';
const BOT = 'github-actions[bot]';
const ATTEMPTS = 5;
const TIMEOUT_MS = 20_000;
const LONGEST_PAUSE_MS = 60_000;
const MOST_PAGES = 100;
const MAX_CHARACTERS = 60_000;

export interface GitHub {
  readonly url: string;
  readonly token: string;
  readonly repository: string;
  /** Before the second attempt; then twice as long each time. */
  readonly pauseMs: number;
}

export interface Run {
  readonly owner: string;
  readonly branch: string;
  readonly sha: string;
  readonly repositoryId: number;
  readonly number: number;
  readonly attempt: number;
}

interface Pull {
  readonly number: number;
  readonly head: { readonly sha: string; readonly repo: { readonly id: number } | null };
}

interface Comment {
  readonly id: number;
  readonly body: string;
  readonly user: { readonly login: string; readonly type: string } | null;
}

export type Outcome = 'created' | 'updated' | 'outdated';

/** GitHub cannot answer now, but may later. */
class Unavailable extends Error {
  readonly waitMs: number | undefined;
  constructor(message: string, waitMs?: number) {
    super(message);
    this.waitMs = waitMs;
  }
}

function waitOf(headers: Headers): number | undefined {
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  if (Number.isFinite(seconds)) return seconds * 1000;
  // Every answer says when the limit is reset: it matters only once that is reached.
  if (headers.get('x-ratelimit-remaining') !== '0') return undefined;
  const reset = Number(headers.get('x-ratelimit-reset') ?? Number.NaN);
  return Number.isFinite(reset) ? Math.max(0, reset * 1000 - Date.now()) : undefined;
}

function isUnavailable({ status, headers }: Response): boolean {
  const isLimited = headers.has('retry-after') || headers.get('x-ratelimit-remaining') === '0';
  return status >= 500 || status === 429 || (status === 403 && isLimited);
}

async function request(github: GitHub, method: string, url: string, body?: object): Promise<Response> {
  const response = await fetch(url, {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${github.token}`,
      'user-agent': 'cv-inference',
      'x-github-api-version': '2022-11-28',
    },
    redirect: 'error',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    throw new Unavailable(`GitHub does not answer: ${error instanceof Error ? error.message : error}`);
  });
  if (response.ok) return response;
  const message = `${method} ${new URL(url).pathname}: ${response.status} ${(await response.text()).slice(0, 200)}`;
  throw isUnavailable(response) ? new Unavailable(message, waitOf(response.headers)) : new Error(message);
}

/** All pages; never elsewhere than where the token belongs. */
async function list<Item>(github: GitHub, path: string): Promise<Item[]> {
  const items: Item[] = [];
  let url: string | undefined = `${github.url}/repos/${github.repository}${path}`;
  for (let page = 0; url !== undefined; page++) {
    if (page === MOST_PAGES) throw new Error(`${path}: more than ${MOST_PAGES} pages`);
    const response = await request(github, 'GET', url);
    items.push(...((await response.json()) as Item[]));
    url = /<([^>]+)>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
    if (url !== undefined && new URL(url).origin !== new URL(github.url).origin) {
      throw new Error(`${path}: its next page is elsewhere`);
    }
  }
  return items;
}

/**
 * Everything again from the beginning where GitHub was unavailable: what it did in spite of a bad answer is then seen, and
 * not done twice.
 */
async function retrying<Value>(github: GitHub, act: () => Promise<Value>): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof Unavailable) || attempt === ATTEMPTS) throw error;
      const waitMs = error.waitMs ?? github.pauseMs * 2 ** (attempt - 1);
      process.stderr.write(`${error.message}; again in ${waitMs} ms\n`);
      await sleep(Math.min(waitMs, LONGEST_PAUSE_MS));
    }
  }
}

/** The open pull requests whose newest commit is the one that was tested: none where the run is outdated. */
async function pullsOf(github: GitHub, { owner, branch, sha, repositoryId }: Run): Promise<Pull[]> {
  const head = encodeURIComponent(`${owner}:${branch}`);
  const pulls = await list<Pull>(github, `/pulls?state=open&head=${head}&per_page=100`);
  return pulls.filter((pull) => pull.head.sha === sha && pull.head.repo?.id === repositoryId);
}

function isOurs({ body, user }: Comment): boolean {
  return user?.login === BOT && user.type === 'Bot' && body.startsWith(MARKER);
}

const runLine = ({ number, attempt }: Pick<Run, 'number' | 'attempt'>): string =>
  `<!-- run ${number}.${attempt} -->`;

/** Two runs may test one commit: the later one has the word. */
function isOfLaterRun({ body }: Comment, run: Run): boolean {
  const [, number = '0', attempt = '0'] = /<!-- run (\d+)\.(\d+) -->/.exec(body) ?? [];
  return Number(number) > run.number || (Number(number) === run.number && Number(attempt) > run.attempt);
}

async function write(github: GitHub, pull: Pull, run: Run, markdown: string): Promise<Outcome> {
  const comments = await list<Comment>(github, `/issues/${pull.number}/comments?per_page=100`);
  const ours = comments.find(isOurs);
  if (ours !== undefined && isOfLaterRun(ours, run)) return 'outdated';
  const body = `${MARKER}\n${runLine(run)}\n${markdown}`;
  if (body.length > MAX_CHARACTERS) throw new Error(`the report has ${body.length} characters`);
  const issues = `${github.url}/repos/${github.repository}/issues`;
  if (ours === undefined) {
    await request(github, 'POST', `${issues}/${pull.number}/comments`, { body });
    return 'created';
  }
  await request(github, 'PATCH', `${issues}/comments/${ours.id}`, { body });
  return 'updated';
}

/** @returns what became of it, for each pull request that the run belongs to */
export async function publish(
  github: GitHub,
  run: Run,
  markdown: string,
): Promise<ReadonlyMap<number, Outcome>> {
  return retrying(github, async () => {
    const outcomes = new Map<number, Outcome>();
    for (const pull of await pullsOf(github, run)) {
      outcomes.set(pull.number, await write(github, pull, run, markdown));
    }
    return outcomes;
  });
}

function fromEnvironment(name: string, pattern: RegExp): string {
  const value = process.env[name] ?? '';
  if (!pattern.test(value)) throw new Error(`${name} is missing, or not what it should be`);
  return value;
}

async function main(folder: string): Promise<void> {
  const github: GitHub = {
    url: fromEnvironment('GITHUB_API_URL', /^https?:\/\/\S+$/),
    token: fromEnvironment('GH_TOKEN', /./),
    repository: fromEnvironment('REPOSITORY', /^[\w.-]+\/[\w.-]+$/),
    pauseMs: Number(process.env['PAUSE_MS'] ?? 2000),
  };
  const run: Run = {
    owner: fromEnvironment('HEAD_OWNER', /^[\w.-]+$/),
    branch: fromEnvironment('HEAD_BRANCH', /./),
    sha: fromEnvironment('HEAD_SHA', /^[0-9a-f]{40}$/),
    repositoryId: Number(fromEnvironment('HEAD_REPOSITORY_ID', /^\d+$/)),
    number: Number(fromEnvironment('RUN_NUMBER', /^\d+$/)),
    attempt: Number(fromEnvironment('RUN_ATTEMPT', /^\d+$/)),
  };
  const markdown = markdownOf(
    readResults(folder),
    run.sha,
    fromEnvironment('RUN_URL', /^https?:\/\/[^\s)]+$/),
  );
  const outcomes = await publish(github, run, markdown);
  if (outcomes.size === 0) process.stdout.write('no open pull request stands at this commit\n');
  for (const [number, outcome] of outcomes) process.stdout.write(`#${number}: ${outcome}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main(process.argv[2] ?? '').catch((error: unknown) => {
    process.stderr.write(`upsert-comment: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  });
}
