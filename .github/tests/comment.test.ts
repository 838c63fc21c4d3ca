import { once } from 'node:events';
import { symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Comparison } from '../../loadtest/compare/rounds.js';
import type { Difference, Verdict } from '../../loadtest/compare/verdict.js';
import { judge } from '../../loadtest/gates.js';
import { readThresholds } from '../../loadtest/thresholds.js';
import { markdownOf, readResults, verdictOf } from '../scripts/loadtest-report.js';
import { emptyFolder } from './support/folder.js';
import { DIST, type Ended, type Environment, runBeside } from './support/run.js';
import { workflowNamed } from './support/workflows.js';

const NEW = 'b'.repeat(40);
const OLD = 'a'.repeat(40);
const MARKER = '<!-- cv-loadtest -->';
const BOT = { login: 'github-actions[bot]', type: 'Bot' };
const GOOD = { requests: 1800, errors: 0, wrongAnswers: 0, dropped: 0, p95Ms: 12, p99Ms: 20 };

type Json = Record<string, unknown>;
const thresholds = readThresholds();
const k6 = (measured: object = {}): Json => ({
  load: { scenario: 'steady', rate: 30, seconds: 60 },
  gates: judge({ ...GOOD, ...measured }, thresholds),
});
const difference = (
  name: Difference['name'],
  slowdown: number,
  call: Difference['call'] = 'equal',
): Difference => ({
  name,
  unit: name === 'latency p95' ? 'ms' : '/s',
  base: 10,
  candidate: 10 * slowdown,
  slowdown,
  interval: { from: slowdown - 0.02, to: slowdown + 0.02 },
  call,
});
const curve = (share: number): Comparison['curves']['base'] =>
  [50, 100, 200].map((offered) => ({ offered, p50Ms: 1, p95Ms: offered / share, unanswered: 0 }));
const comparison = (
  outcome: Verdict['outcome'] = 'pass',
  slowdown = 1.01,
  call: Difference['call'] = 'equal',
): Json => ({
  base: 'e10ad21 @everyone <img src=x>',
  verdict: {
    outcome,
    reasons: ['@everyone'],
    differences: [difference('latency p95', slowdown, call), difference('requests/s', slowdown)],
    gates: judge(GOOD, thresholds),
  } satisfies Verdict,
  results: { curves: { base: curve(10), candidate: curve(8) } satisfies Comparison['curves'] },
});

/** A folder with the results of a run. */
function results(files: Readonly<Record<string, unknown>>): string {
  const folder = emptyFolder();
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return folder;
}
const PASSED = { 'k6-steady.json': k6(), 'comparison.json': comparison() };
const reportOf = (files: Readonly<Record<string, unknown>>): string =>
  markdownOf(readResults(results(files)), NEW, 'https://example.com/run');
const verdict = (files: Readonly<Record<string, unknown>>): string => verdictOf(readResults(results(files)));

describe('the report', () => {
  it('has the verdict, the tables and a chart that GitHub draws', () => {
    const text = reportOf(PASSED);
    expect(text).toMatch(/^## Load test: passed\n\nCommit bbbbbbb, \[run/);
    expect(text).toContain('| steady, 30/s for 60 s | 12.0 ms | 20.0 ms | 0.00 % | 0 | 0 | 1,800 |');
    expect(text).toContain('| latency p95 | 10.0 ms | 10.1 ms | x 1.010 | 0.990 to 1.030 | equal |');
    expect(text).toContain('x-axis "requests/s" [50, 100, 200]');
    expect(text).toContain('line [5.0, 10.0, 20.0]\n  line [6.3, 12.5, 25.0]');
    expect(text.match(/```/g)).toHaveLength(2);
  });

  it('shows beside a crossed gate what was allowed', () => {
    const text = reportOf({ ...PASSED, 'k6-steady.json': k6({ p95Ms: 612 }) });
    expect(text).toContain('## Load test: failed');
    expect(text).toContain('| **612 ms** (at most 500 ms) |');
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['everything is kept', PASSED, 'passed'],
    [
      'the comparison decided nothing',
      { ...PASSED, 'comparison.json': comparison('inconclusive') },
      'inconclusive',
    ],
    ['it is slower', { ...PASSED, 'comparison.json': comparison('fail', 1.3) }, 'failed'],
    ['an answer was wrong', { ...PASSED, 'k6-smoke.json': k6({ wrongAnswers: 1 }) }, 'failed'],
    ['nothing was measured', { ...PASSED, 'k6-steady.json': k6({ p95Ms: Number.NaN }) }, 'failed'],
    ['k6 is missing', { 'comparison.json': comparison() }, 'no result'],
    ['nothing was compared', { 'k6-steady.json': k6() }, 'no result'],
    ['there is nothing', {}, 'no result'],
    ['a file is no JSON', { ...PASSED, 'comparison.json': '{' }, 'no result'],
    [
      'a file is huge',
      { ...PASSED, 'k6-steady.json': `${JSON.stringify(k6())}${' '.repeat(1 << 20)}` },
      'no result',
    ],
    ['a gate was left out', { ...PASSED, 'k6-steady.json': { ...k6(), gates: [] } }, 'no result'],
    [
      'a gate was made up',
      { ...PASSED, 'k6-steady.json': { ...k6(), gates: [{ name: '@all' }] } },
      'no result',
    ],
  ])('where %s: %s', (_, files, expected) => {
    expect(verdict(files)).toBe(expected);
  });

  it('knows every word of the comparison', () => {
    const calls: Record<Difference['call'], true> = {
      slower: true,
      undecided: true,
      equal: true,
      faster: true,
    };
    const outcomes: Record<Verdict['outcome'], true> = {
      pass: true,
      inconclusive: true,
      fail: true,
    };
    for (const call of Object.keys(calls) as Difference['call'][]) {
      expect(reportOf({ ...PASSED, 'comparison.json': comparison('pass', 1, call) })).toContain(
        `| ${call} |`,
      );
    }
    for (const outcome of Object.keys(outcomes) as Verdict['outcome'][]) {
      const text = reportOf({ ...PASSED, 'comparison.json': comparison(outcome) });
      expect(text).toContain(`### Beside its merge base: ${outcome}\n`);
    }
  });

  it('reads no link that leads out of the folder', () => {
    const folder = results({ 'comparison.json': comparison() });
    symlinkSync(join(results(PASSED), 'k6-steady.json'), join(folder, 'k6-steady.json'));
    expect(readResults(folder).missing).toContain('scenario steady');
  });

  describe('copies no text out of files that come from the pull request', () => {
    const EVIL = '@everyone <img src=x> ](javascript:0) closes #1 `x` | <!-- x';
    /** The value with its nth text replaced; as it was where it has fewer. */
    function poisoned(value: unknown, nth: number): unknown {
      let seen = 0;
      return JSON.parse(
        JSON.stringify(value, (_, one: unknown) => (typeof one === 'string' && seen++ === nth ? EVIL : one)),
      );
    }
    const textsIn = (value: unknown): number => {
      let count = 0;
      while (JSON.stringify(poisoned(value, count)) !== JSON.stringify(value)) count++;
      return count;
    };
    const places = Object.entries(PASSED).flatMap(([file, value]) =>
      Array.from({ length: textsIn(value) }, (_, nth) => [file, nth, value] as const),
    );

    it('and they have many', () => {
      expect(places.length).toBeGreaterThan(40);
    });

    it.each(places)('%s, text %i', (file, nth, value) => {
      const text = reportOf({ ...PASSED, [file]: poisoned(value, nth) });
      expect(text).not.toMatch(/everyone|<img|javascript|#1\b|<!--/);
    });

    it('and not out of their names', () => {
      expect(reportOf({ ...PASSED, [`k6-${EVIL.replaceAll('/', '')}.json`]: k6() })).not.toContain(
        'everyone',
      );
    });
  });
});

interface FakeComment {
  readonly id: number;
  readonly user: { readonly login: string; readonly type: string } | null;
  body: string;
}

interface FakePull {
  readonly number: number;
  readonly state?: string;
  readonly head: { readonly label: string; readonly sha: string; readonly repo: { readonly id: number } };
}

interface FakeGitHub {
  readonly url: string;
  readonly comments: FakeComment[];
  readonly calls: string[];
  /** What goes wrong: taken from the front, one for each request. */
  readonly faults: ((response: ServerResponse, act: () => void) => void)[];
}

const pull = (sha = NEW, number = 7, repo = 99): FakePull => ({
  number,
  head: { label: 'somebody:topic', sha, repo: { id: repo } },
});
const chatter = (count: number): FakeComment[] =>
  Array.from({ length: count }, (_, id) => ({
    id,
    user: { login: 'somebody', type: 'User' },
    body: `No ${id}`,
  }));

async function bodyOf(request: IncomingMessage): Promise<{ body: string }> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}

/** GitHub's API as far as it is used: pages of 100, filters, rights. */
async function startGitHub(
  comments: FakeComment[],
  pulls: readonly FakePull[] = [pull()],
): Promise<FakeGitHub> {
  const calls: string[] = [];
  const faults: FakeGitHub['faults'] = [];
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`);
    const { body } = await bodyOf(request);
    calls.push(`${request.method} ${url.pathname}${url.search}`);
    const answer = (status: number, data: unknown): void => {
      if (!response.headersSent) response.writeHead(status).end(JSON.stringify(data));
    };
    const page = (items: readonly unknown[]): void => {
      const size = Math.min(100, Number(url.searchParams.get('per_page') ?? 30));
      const nth = Number(url.searchParams.get('page') ?? 1);
      if (nth * size < items.length) {
        const next = new URL(url);
        next.searchParams.set('page', String(nth + 1));
        response.setHeader('link', `<${url}>; rel="first", <${next}>; rel="next"`);
      }
      answer(200, items.slice((nth - 1) * size, nth * size));
    };
    const edited = comments.find(({ id }) => url.pathname === `/repos/us/it/issues/comments/${id}`);
    const act = (): void => {
      const call = `${request.method} ${url.pathname}`;
      if (request.headers.authorization !== 'Bearer token') {
        answer(401, {});
      } else if (call === 'GET /repos/us/it/pulls') {
        page(pulls.filter(({ head }) => head.label === url.searchParams.get('head')));
      } else if (call === 'GET /repos/us/it/issues/7/comments') {
        page(comments);
      } else if (call === 'POST /repos/us/it/issues/7/comments') {
        comments.push({ id: 5000 + comments.length, user: BOT, body });
        answer(201, {});
      } else if (edited !== undefined && request.method === 'PATCH') {
        edited.body = body;
        answer(200, {});
      } else {
        answer(404, {});
      }
    };
    const fault = faults.shift();
    if (fault === undefined) act();
    else fault(response, act);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, comments, calls, faults };
}

function comment(github: FakeGitHub, env: Environment = {}, folder = results(PASSED)): Promise<Ended> {
  return runBeside(process.execPath, [join(DIST, 'upsert-comment.js'), folder], {
    env: {
      GITHUB_API_URL: github.url,
      GH_TOKEN: 'token',
      REPOSITORY: 'us/it',
      HEAD_OWNER: 'somebody',
      HEAD_BRANCH: 'topic',
      HEAD_SHA: NEW,
      HEAD_REPOSITORY_ID: '99',
      RUN_NUMBER: '12',
      RUN_ATTEMPT: '1',
      RUN_URL: 'https://github.com/us/it/actions/runs/1',
      PAUSE_MS: '1',
      ...env,
    },
  });
}
const ours = ({ comments }: FakeGitHub): string[] =>
  comments
    .filter(({ user, body }) => user?.login === BOT.login && body.startsWith(MARKER))
    .map(({ body }) => body);
const writes = ({ calls }: FakeGitHub): string[] => calls.filter((call) => !call.startsWith('GET'));

describe('the comment on the pull request', () => {
  it('is created, and then updated: there is one', async () => {
    const github = await startGitHub(chatter(3));
    expect(await comment(github)).toMatchObject({ code: 0, stdout: '#7: created\n' });
    const failed = results({ ...PASSED, 'comparison.json': comparison('fail') });
    expect(await comment(github, { RUN_NUMBER: '13' }, failed)).toMatchObject({ stdout: '#7: updated\n' });
    expect(ours(github)).toHaveLength(1);
    expect(ours(github)[0]).toMatch(/^<!-- cv-loadtest -->\n<!-- run 13\.1 -->\n## Load test: failed\n/);
    expect(github.comments).toHaveLength(4);
  });

  it('is found behind more than a hundred others', async () => {
    const github = await startGitHub([...chatter(230), { id: 900, user: BOT, body: `${MARKER}\nold` }]);
    expect(await comment(github)).toMatchObject({ stdout: '#7: updated\n' });
    expect(github.comments).toHaveLength(231);
    expect(github.calls.filter((call) => call.includes('/comments?'))).toHaveLength(3);
  });

  it.each([
    ['somebody else', { login: 'somebody', type: 'User' }],
    ['somebody who calls himself so', { login: BOT.login, type: 'User' }],
    ['another bot', { login: 'dependabot[bot]', type: 'Bot' }],
    ['somebody who has left', null],
  ])('is not that of %s with the same marker', async (_, user) => {
    const github = await startGitHub([{ id: 1, user, body: `${MARKER}\nmine` }]);
    expect(await comment(github)).toMatchObject({ stdout: '#7: created\n' });
    expect(github.comments[0]?.body).toBe(`${MARKER}\nmine`);
  });

  it('is not another one of our bot that quotes the marker', async () => {
    const github = await startGitHub([{ id: 1, user: BOT, body: `> ${MARKER}` }]);
    expect(await comment(github)).toMatchObject({ stdout: '#7: created\n' });
  });

  it('says of a newer commit what an outdated run, finishing late, does not change', async () => {
    const github = await startGitHub([{ id: 1, user: BOT, body: `${MARKER}\n<!-- run 11.1 -->\nnew` }]);
    const late = await comment(github, { HEAD_SHA: OLD, RUN_NUMBER: '10' });
    expect(late).toMatchObject({ code: 0, stdout: 'no open pull request stands at this commit\n' });
    expect(writes(github)).toEqual([]);
  });

  it.each([
    ['12', '2'],
    ['13', '1'],
  ])('stays where run %s.%s of the same commit has written it', async (number, attempt) => {
    const body = `${MARKER}\n<!-- run ${number}.${attempt} -->\nlater`;
    const github = await startGitHub([{ id: 1, user: BOT, body }]);
    expect(await comment(github)).toMatchObject({ code: 0, stdout: '#7: outdated\n' });
    expect(github.comments[0]?.body).toBe(body);
  });

  it('goes to no pull request of another repository with the same branch and commit', async () => {
    const github = await startGitHub([], [pull(NEW, 7, 1)]);
    expect(await comment(github)).toMatchObject({ stdout: expect.stringContaining('no open pull request') });
    expect(writes(github)).toEqual([]);
  });

  it('asks for a branch by any name', async () => {
    const github = await startGitHub([], [{ ...pull(), head: { ...pull().head, label: 'somebody:a&b=#ü' } }]);
    expect(await comment(github, { HEAD_BRANCH: 'a&b=#ü' })).toMatchObject({ stdout: '#7: created\n' });
  });

  it('is written in the end where GitHub is limited, broken or away for a moment', async () => {
    const github = await startGitHub(chatter(120));
    const refuse =
      (status: number, headers: Record<string, string> = {}) =>
      (response: ServerResponse): void => {
        response.writeHead(status, headers).end('{}');
      };
    github.faults.push(
      refuse(429, { 'retry-after': '0' }),
      refuse(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '0' }),
      refuse(502, { 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': '4102444800' }),
      (response) => response.destroy(),
    );
    expect(await comment(github)).toMatchObject({ code: 0, stdout: '#7: created\n' });
    expect(ours(github)).toHaveLength(1);
  });

  it('is not written twice where GitHub wrote it, and said that it had not', async () => {
    const github = await startGitHub([]);
    const honest = (_: ServerResponse, act: () => void): void => act();
    github.faults.push(honest, honest, (response, act) => {
      response.writeHead(502).end('{}');
      act();
    });
    expect(await comment(github)).toMatchObject({ code: 0, stdout: '#7: updated\n' });
    expect(ours(github)).toHaveLength(1);
  });

  it.each([
    ['refuses', 403, 1],
    ['stays broken', 500, 5],
  ])('fails where GitHub %s, without the token in the message', async (_, status, requests) => {
    const github = await startGitHub([]);
    for (let nth = 0; nth < 9; nth++) github.faults.push((response) => response.writeHead(status).end('{}'));
    const { code, stderr } = await comment(github);
    expect(code).toBe(1);
    expect(stderr).toContain(String(status));
    expect(stderr).not.toContain('token');
    expect(github.calls).toHaveLength(requests);
  });

  it('does not follow pages to another server, which would get the token', async () => {
    const github = await startGitHub([]);
    github.faults.push((response) =>
      response.writeHead(200, { link: '<http://127.0.0.2:1/>; rel="next"' }).end('[]'),
    );
    expect(await comment(github)).toMatchObject({ code: 1, stderr: expect.stringContaining('elsewhere') });
  });

  it('says that there is no result where the run has left none', async () => {
    const github = await startGitHub([]);
    expect(await comment(github, {}, join(emptyFolder(), 'none'))).toMatchObject({ stdout: '#7: created\n' });
    expect(ours(github)[0]).toContain('## Load test: no result');
  });

  it.each([
    { HEAD_SHA: 'main' },
    { HEAD_OWNER: '' },
    { RUN_NUMBER: '1 --' },
    { RUN_URL: 'https://x)' },
    { REPOSITORY: 'it' },
  ])('is not tried with %j', async (env) => {
    const github = await startGitHub([]);
    expect(await comment(github, env)).toMatchObject({ code: 1 });
    expect(github.calls).toEqual([]);
  });
});

describe('the workflows of it', () => {
  it('give the token that writes to code of main alone', () => {
    const { on, jobs, text } = workflowNamed('pr-comment');
    expect(on).toEqual({ workflow_run: { workflows: ['pr-loadtest'], types: ['completed'] } });
    expect(Object.keys(jobs)).toEqual(['comment']);
    expect(text).not.toMatch(/npm |\.github\/actions\/setup|secrets\./);
    const loadtest = workflowNamed('pr-loadtest');
    for (const job of Object.values(loadtest.jobs)) expect(job.permissions).toEqual({ contents: 'read' });
    expect(loadtest.text).not.toMatch(/secrets\.|github\.token/);
  });

  it('hand over results by the names that are looked for', () => {
    const upload = /name: (loadtest-results-\w+)/g;
    const uploaded = [...workflowNamed('pr-loadtest').text.matchAll(upload)].map(([, name]) => name);
    expect(uploaded).toEqual(['loadtest-results-cluster', 'loadtest-results-comparison']);
    expect(workflowNamed('pr-comment').text).toContain('pattern: loadtest-results-*\n');
  });
});

describe('loadtest-report.js', () => {
  const report = async (files: Readonly<Record<string, unknown>>): Promise<[Ended, string]> => {
    const summary = join(emptyFolder(), 'summary.md');
    writeFileSync(summary, 'before\n');
    const ended = await runBeside(process.execPath, [join(DIST, 'loadtest-report.js'), results(files)], {
      env: { GITHUB_STEP_SUMMARY: summary, COMMIT: NEW, RUN_URL: 'https://example.com' },
    });
    return [ended, summary];
  };

  it.each<[string, Readonly<Record<string, unknown>>, number]>([
    ['0 where all is well', PASSED, 0],
    ['2 where nothing is decided', { ...PASSED, 'comparison.json': comparison('inconclusive') }, 2],
    ['99 where a gate is crossed', { ...PASSED, 'k6-steady.json': k6({ dropped: 1 }) }, 99],
    ['1 where a result is missing', { 'k6-steady.json': k6() }, 1],
  ])('ends with %s', async (_, files, code) => {
    const [ended] = await report(files);
    expect(ended.code).toBe(code);
    expect(ended.stdout).toMatch(/^## Load test: /);
  });
});
