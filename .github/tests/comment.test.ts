import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../loadtest/compare/rounds.js';
import type { Difference, Verdict } from '../../loadtest/compare/verdict.js';
import { judge } from '../../loadtest/gates.js';
import { readThresholds } from '../../loadtest/thresholds.js';
import { markdownOf, readResults, verdictOf } from '../scripts/loadtest-report.js';
import { type FakeComment, FakeGitHub, type FakePull } from './support/fake-github.js';
import { emptyFolder } from './support/folder.js';
import { DIST, type Ended, type Environment, run, runBeside, SCRIPTS } from './support/run.js';
import { workflowNamed } from './support/workflows.js';

const NEW = 'b'.repeat(40);
const OLD = 'a'.repeat(40);
const MARKER = '<!-- cv-pr-loadtest -->';
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
const github = (
  comments: readonly FakeComment[],
  pulls: readonly FakePull[] = [pull()],
  faults: ('before' | 'after')[] = [],
): FakeGitHub => new FakeGitHub(comments, pulls, faults);

function comment(
  { bin }: FakeGitHub,
  env: Environment = {},
  folder = results(PASSED),
  workflow = 'pr-loadtest',
): Ended {
  return run(join(SCRIPTS, 'upsert-comment'), [workflow, folder], {
    bin,
    env: {
      GH_TOKEN: 'token',
      REPOSITORY: 'us/it',
      HEAD_OWNER: 'somebody',
      HEAD_BRANCH: 'topic',
      HEAD_SHA: NEW,
      HEAD_REPOSITORY_ID: '99',
      RUN_NUMBER: '12',
      RUN_ATTEMPT: '1',
      RUN_URL: 'https://github.com/us/it/actions/runs/1',
      PAUSE_S: '0',
      ...env,
    },
  });
}
const ours = ({ state }: FakeGitHub): string[] =>
  state.comments
    .filter(({ user, body }) => user?.login === BOT.login && body.startsWith(MARKER))
    .map(({ body }) => body);
const writes = ({ state }: FakeGitHub): string[] => state.calls.filter((call) => !call.startsWith('GET'));

describe('the comment on the pull request', () => {
  it('is created, and then updated: there is one of each kind', () => {
    const there = github(chatter(3));
    expect(comment(there)).toMatchObject({ code: 0, stdout: '#7: created\n' });
    const failed = results({ ...PASSED, 'comparison.json': comparison('fail') });
    expect(comment(there, { RUN_NUMBER: '13' }, failed)).toMatchObject({ stdout: '#7: updated\n' });
    expect(ours(there)).toHaveLength(1);
    expect(ours(there)[0]).toMatch(/^<!-- cv-pr-loadtest -->\n<!-- run 13 1 -->\n## Load test: failed\n/);
    const diff = results({ 'manifests.diff': '--- staging\n+++ staging\n+replicas: 2\n' });
    expect(comment(there, {}, diff, 'pr-manifests')).toMatchObject({ stdout: '#7: created\n' });
    expect(there.state.comments.at(-1)?.body).toContain('staging: 1 lines change');
    const plan = results({ 'dev.plan': 'Plan: 1 to add, 0 to change, 0 to destroy.\n' });
    expect(comment(there, {}, plan, 'infrastructure')).toMatchObject({ stdout: '#7: created\n' });
    expect(there.state.comments.at(-1)?.body).toContain('dev: Plan: 1 to add, 0 to change');
    expect(there.state.comments).toHaveLength(6);
  });

  it('is found behind more than a hundred others', () => {
    const there = github([...chatter(230), { id: 900, user: BOT, body: `${MARKER}\nold` }]);
    expect(comment(there)).toMatchObject({ stdout: '#7: updated\n' });
    expect(there.state.comments).toHaveLength(231);
  });

  it.each([
    ['somebody else', { login: 'somebody', type: 'User' }],
    ['somebody who calls himself so', { login: BOT.login, type: 'User' }],
    ['another bot', { login: 'dependabot[bot]', type: 'Bot' }],
    ['somebody who has left', null],
  ])('is not that of %s with the same marker', (_, user) => {
    const there = github([{ id: 1, user, body: `${MARKER}\nmine` }]);
    expect(comment(there)).toMatchObject({ stdout: '#7: created\n' });
    expect(there.state.comments[0]?.body).toBe(`${MARKER}\nmine`);
  });

  it('is not another one of our bot that quotes the marker', () => {
    expect(comment(github([{ id: 1, user: BOT, body: `> ${MARKER}` }]))).toMatchObject({
      stdout: '#7: created\n',
    });
  });

  it('says of a newer commit what an outdated run, finishing late, does not change', () => {
    const there = github([{ id: 1, user: BOT, body: `${MARKER}\n<!-- run 11 1 -->\nnew` }]);
    const late = comment(there, { HEAD_SHA: OLD, RUN_NUMBER: '10' });
    expect(late).toMatchObject({ code: 0, stdout: 'no open pull request stands at this commit\n' });
    expect(writes(there)).toEqual([]);
  });

  it.each([
    ['12', '2'],
    ['13', '1'],
  ])('stays where run %s.%s of the same commit has written it', (number, attempt) => {
    const body = `${MARKER}\n<!-- run ${number} ${attempt} -->\nlater`;
    const there = github([{ id: 1, user: BOT, body }]);
    expect(comment(there)).toMatchObject({ code: 0, stdout: '#7: a later run has the word\n' });
    expect(there.state.comments[0]?.body).toBe(body);
  });

  it('goes to no pull request of another repository with the same branch and commit', () => {
    const there = github([], [pull(NEW, 7, 1)]);
    expect(comment(there)).toMatchObject({ stdout: expect.stringContaining('no open pull request') });
    expect(writes(there)).toEqual([]);
  });

  it('is written in the end where GitHub is away for a moment, and not twice where it wrote it and said that it had not', () => {
    const away = github([], [pull()], ['before', 'before', 'before']);
    expect(comment(away)).toMatchObject({ code: 0, stdout: '#7: created\n' });
    const confused = github([], [pull()], ['before', 'after', 'after', 'after']);
    expect(comment(confused)).toMatchObject({ code: 0 });
    expect([ours(away).length, ours(confused).length]).toEqual([1, 1]);
  });

  it('fails where GitHub stays away', () => {
    const there = github(
      [],
      [pull()],
      Array.from({ length: 9 }, () => 'before'),
    );
    expect(comment(there)).toMatchObject({ code: 1 });
    expect(there.state.calls).toHaveLength(5);
  });

  it('says that there is no result where the run has left none', () => {
    const there = github([]);
    expect(comment(there, {}, join(emptyFolder(), 'none'))).toMatchObject({ stdout: '#7: created\n' });
    expect(ours(there)[0]).toContain('## Load test: no result');
  });
});

describe('the workflows of it', () => {
  it('give the token that writes to code of main alone', () => {
    const { on, jobs, text } = workflowNamed('pr-comment');
    expect(on).toEqual({
      workflow_run: { workflows: ['pr-loadtest', 'pr-manifests', 'infrastructure'], types: ['completed'] },
    });
    expect(Object.keys(jobs)).toEqual(['comment']);
    expect(text).not.toMatch(/npm |\.github\/actions\/setup|secrets\./);
    for (const name of ['pr-loadtest', 'pr-manifests']) {
      const { jobs: foreign, text: words } = workflowNamed(name);
      for (const job of Object.values(foreign)) expect(job.permissions).toEqual({ contents: 'read' });
      expect(words).not.toMatch(/secrets\.|github\.token/);
    }
  });

  it('hand over results by the names that are looked for', () => {
    const uploaded = ['pr-loadtest', 'pr-manifests', 'infrastructure'].flatMap((name) =>
      [...workflowNamed(name).text.matchAll(/name: (results-\w+)/g)].map(([, artifact]) => artifact),
    );
    expect(uploaded).toEqual([
      'results-cluster',
      'results-comparison',
      'results-manifests',
      'results-infrastructure',
    ]);
    expect(workflowNamed('pr-comment').text).toContain('pattern: results-*\n');
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
