import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { callsOf, fakeTool } from './support/fake-tools.js';
import { emptyFolder } from './support/folder.js';
import { ENVIRONMENTS, git, IDENTITY, RELEASE, Remote, release, setRevision } from './support/remote.js';
import { type Ended, type Environment, outputsOf, run, runBeside, SCRIPTS } from './support/run.js';

const PIN = 'c'.repeat(40);
const DELIVER = join(SCRIPTS, 'deliver');
const staged = (remote: Remote, at?: string): string | undefined =>
  /newTag: (.*)/.exec(remote.show(RELEASE, at))?.[1];

const commit = (clone: string, path: string, title: string): Promise<Ended> =>
  runBeside(DELIVER, [path, title], { cwd: clone, env: { ...IDENTITY, DELIVERY: 'commit' } });

describe('delivered as a commit', () => {
  it('is on main', async () => {
    const remote = new Remote();
    const clone = remote.clone();
    release(clone, '0.2.0');
    const ended = await commit(clone, 'k8s/release', 'Promote staging');
    expect(ended).toMatchObject({ code: 0 });
    expect(staged(remote)).toBe('0.2.0');
    expect(outputsOf(ended)['commit']).toBe(git(remote.path, 'rev-parse', 'main'));
  });

  it('gets there, where two deliver at the same moment to two environments', async () => {
    const remote = new Remote();
    const [one, other] = [remote.clone(), remote.clone()];
    // Each push waits until the other has fetched too, so that one of them must lose the race.
    writeFileSync(
      join(remote.path, 'hooks/pre-receive'),
      `#!/usr/bin/env bash\ntouch "${remote.path}/pushed-$$"\nfor ((i = 0; i < 100; i++)); do compgen -G "${remote.path}/pushed-*" | sed -n 2p | grep -q . && exit 0; sleep 0.05; done\n`,
      { mode: 0o755 },
    );
    release(one, '0.2.0');
    setRevision(other, 'production', PIN);
    const ended = await Promise.all([
      commit(one, 'k8s/release', 'Promote staging'),
      commit(other, ENVIRONMENTS, 'Promote production'),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    expect(ended.map(({ stderr }) => stderr).join('')).toMatch(/rejected|failed to push/);
    expect(staged(remote)).toBe('0.2.0');
    expect(remote.show(ENVIRONMENTS)).toContain(PIN);
    expect(remote.subjects().sort()).toEqual(['Begin', 'Promote production', 'Promote staging']);
  });

  it('catches up with what was pushed since it was cloned', async () => {
    const remote = new Remote();
    const [late, early] = [remote.clone(), remote.clone()];
    writeFileSync(join(early, 'README.md'), 'Meanwhile.\n');
    remote.commit(early, 'Meanwhile');
    git(early, 'push', '--quiet', 'origin', 'HEAD:main');
    release(late, '0.2.0');
    expect(await commit(late, 'k8s/release', 'Promote staging')).toMatchObject({ code: 0 });
    expect(remote.subjects()).toEqual(['Promote staging', 'Meanwhile', 'Begin']);
  });

  it('gives up where the same overlay was promoted meanwhile, and leaves that as it is', async () => {
    const remote = new Remote();
    const [late, early] = [remote.clone(), remote.clone()];
    release(early, '0.3.0');
    expect(await commit(early, 'k8s/release', 'Promote staging to 0.3.0')).toMatchObject({ code: 0 });
    release(late, '0.2.0');
    const ended = await commit(late, 'k8s/release', 'Promote staging to 0.2.0');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('was changed on main meanwhile');
    expect(staged(remote)).toBe('0.3.0');
  });

  it('is content where the same was delivered meanwhile', async () => {
    const remote = new Remote();
    const [late, early] = [remote.clone(), remote.clone()];
    for (const clone of [early, late]) release(clone, '0.2.0');
    await commit(early, 'k8s/release', 'Promote staging');
    expect(await commit(late, 'k8s/release', 'Promote staging')).toMatchObject({ code: 0 });
    expect(remote.subjects()).toEqual(['Promote staging', 'Begin']);
  });

  it('does not try for ever where main takes no push', async () => {
    const remote = new Remote();
    writeFileSync(join(remote.path, 'hooks/pre-receive'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const clone = remote.clone();
    release(clone, '0.2.0');
    const { code, stderr } = await commit(clone, 'k8s/release', 'Promote staging');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('takes no push, though nobody else has pushed'),
    ]);
  });

  it('commits that file alone', async () => {
    const remote = new Remote();
    const clone = remote.clone();
    release(clone, '0.2.0');
    writeFileSync(join(clone, 'dropped-here'), '');
    await commit(clone, 'k8s/release', 'Promote staging');
    expect(git(remote.path, 'show', '--name-only', '--format=', 'main')).toBe(RELEASE);
  });
});

describe('delivered as a pull request', () => {
  const BRANCH = 'stage';
  const deliver = (clone: string, bin: string, title: string, env: Environment = {}): Ended =>
    run(DELIVER, ['k8s/release', title], {
      cwd: clone,
      bin,
      env: { ...IDENTITY, BRANCH, BODY: 'Why.', ...env },
    });

  it('opens one, and leaves main as it is', () => {
    const remote = new Remote();
    const clone = remote.clone();
    const bin = emptyFolder();
    fakeTool(bin, 'gh', [
      { call: /^gh pr list/ },
      { call: /^gh pr create/, stdout: 'https://example.com/pull/1\n' },
    ]);
    release(clone, '0.2.0');
    const ended = deliver(clone, bin, 'Promote staging');
    expect(ended).toMatchObject({ code: 0 });
    expect(outputsOf(ended)['url']).toBe('https://example.com/pull/1');
    expect(callsOf(bin)).toEqual([
      `gh pr list --head ${BRANCH} --base main --state open --json url --jq .[0].url // empty`,
      `gh pr create --head ${BRANCH} --base main --title Promote staging --body Why.`,
    ]);
    expect(staged(remote, BRANCH)).toBe('0.2.0');
    expect(staged(remote)).toBe('0.1.0');
  });

  it('says there in detail why, and not in the commit', () => {
    const remote = new Remote();
    const clone = remote.clone();
    const bin = emptyFolder();
    fakeTool(bin, 'gh', [{ call: /^gh pr list/ }, { call: /^gh pr create/ }]);
    release(clone, '0.2.0');
    expect(deliver(clone, bin, 'Stage a model', { DETAILS: '## passed' })).toMatchObject({ code: 0 });
    expect(callsOf(bin).at(-1)).toMatch(/^gh pr create .* --body Why\.\\n\\n## passed$/);
    expect(git(remote.path, 'log', '-1', '--format=%B', BRANCH)).not.toContain('passed');
  });

  it('puts a newer promotion into the one that is open', () => {
    const remote = new Remote();
    const bin = emptyFolder();
    fakeTool(bin, 'gh', [
      { call: /^gh pr list/, stdout: 'https://example.com/pull/1\n' },
      { call: /^gh pr edit/ },
    ]);
    for (const version of ['0.2.0', '0.3.0']) {
      const clone = remote.clone();
      release(clone, version);
      expect(deliver(clone, bin, `Promote staging to ${version}`)).toMatchObject({ code: 0 });
    }
    expect(callsOf(bin).at(-1)).toBe(
      'gh pr edit https://example.com/pull/1 --title Promote staging to 0.3.0 --body Why.',
    );
    expect(remote.subjects(BRANCH)).toEqual(['Promote staging to 0.3.0', 'Begin']);
  });

  const denied = (stderr: string): [Ended, string] => {
    const remote = new Remote();
    const clone = remote.clone();
    const bin = emptyFolder();
    const summary = join(bin, 'summary.md');
    fakeTool(bin, 'gh', [{ call: /^gh pr list/ }, { call: /^gh pr create/, code: 1, stderr }]);
    release(clone, '0.2.0');
    const github = { GITHUB_SERVER_URL: 'https://github.com', GITHUB_REPOSITORY: 'us/it' };
    const env = { ...IDENTITY, ...github, BRANCH, GITHUB_STEP_SUMMARY: summary };
    const ended = run(DELIVER, ['k8s/release', 'Promote staging'], { cwd: clone, bin, env });
    expect(staged(remote, BRANCH)).toBe('0.2.0');
    return [ended, existsSync(summary) ? readFileSync(summary, 'utf8') : ''];
  };

  it('leaves the branch and a link to open it by where workflows may not, which is the setting of new repositories', () => {
    const [ended, summary] = denied(
      'pull request create failed: GraphQL: GitHub Actions is not permitted to create or approve pull requests (createPullRequest)\n',
    );
    const url = `https://github.com/us/it/compare/main...${BRANCH}?expand=1`;
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('::warning') });
    expect(outputsOf(ended)['url']).toBe(url);
    expect(summary).toContain(`[Open the pull request: Promote staging](${url})`);
  });

  it('fails where it cannot be opened for another reason', () => {
    const [ended, summary] = denied('HTTP 502\n');
    expect([ended.code, ended.stderr, summary]).toEqual([1, 'HTTP 502\n', '']);
  });

  it('refuses another way to deliver', () => {
    expect(run(DELIVER, ['x', 'y'], { env: { DELIVERY: 'by-post' } })).toMatchObject({ code: 2 });
  });
});

it('Git asks for the token where it is needed, and the checkout keeps none', () => {
  const clone = new Remote().clone();
  const bin = emptyFolder();
  fakeTool(bin, 'gh', [{ call: /^gh auth git-credential get/, stdout: 'username=x\npassword=the-token\n' }]);
  const ended = run(join(SCRIPTS, 'as-bot'), ['git', 'credential', 'fill'], {
    cwd: clone,
    bin,
    env: { GH_TOKEN: 'the-token' },
    input: 'protocol=https\nhost=github.com\n\n',
  });
  expect(ended.stdout).toContain('password=the-token');
  expect(readFileSync(join(clone, '.git/config'), 'utf8')).not.toMatch(/token|credential/);
  expect(run(join(SCRIPTS, 'as-bot'), ['true'])).toMatchObject({ code: 1 });
});
