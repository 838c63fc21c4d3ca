import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runningOf } from '../scripts/overlay.js';
import type { Expectation } from '../scripts/promoted.js';
import { callsOf, fakeTool } from './support/fake-tools.js';
import { emptyFolder } from './support/folder.js';
import { DIST, type Ended, outputsOf, ROOT, run, runBeside, SCRIPTS } from './support/run.js';

const IDENTITY = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
};
const overlayFile = (overlay: string): string => `k8s/overlays/${overlay}/kustomization.yaml`;
const STAGING = overlayFile('staging');
const PRODUCTION = overlayFile('production');
const DELIVER = join(SCRIPTS, 'deliver');

function git(cwd: string, ...args: readonly string[]): string {
  const { code, stdout, stderr } = run('git', args, { cwd, env: IDENTITY });
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

/** A bare repository with the overlays on main, and a way to clone it. */
class Remote {
  readonly path = join(emptyFolder(), 'origin.git');

  constructor() {
    git(emptyFolder(), 'init', '--quiet', '--bare', '--initial-branch=main', this.path);
    const first = this.clone();
    for (const overlay of ['staging', 'production']) {
      mkdirSync(join(first, 'k8s/overlays', overlay), { recursive: true });
      writeFileSync(join(first, overlayFile(overlay)), readFileSync(join(ROOT, overlayFile(overlay))));
    }
    this.commit(first, 'Begin');
    git(first, 'push', '--quiet', 'origin', 'HEAD:main');
  }

  clone(): string {
    const folder = join(emptyFolder(), 'clone');
    git(ROOT, 'clone', '--quiet', this.path, folder);
    return folder;
  }

  commit(clone: string, subject: string): void {
    git(clone, 'add', '.');
    git(clone, 'commit', '--quiet', '-m', subject);
  }

  show(file: string, at = 'main'): string {
    return run('git', ['show', `${at}:${file}`], { cwd: this.path }).stdout;
  }

  subjects(branch = 'main'): string[] {
    return git(this.path, 'log', '--format=%s', branch).split('\n');
  }
}

const digestOf = (version: string): string => `sha256:${version.replaceAll('.', '').padStart(64, '1')}`;

/** Writes a version into an overlay of a clone, uncommitted, as run-promotion does. */
function promote(clone: string, overlay: string, version: string): void {
  const env = { OVERLAY: overlay, VERSION: version, DIGEST: digestOf(version) };
  const { code, stderr } = run('node', [join(DIST, 'promote.js')], { cwd: clone, env });
  if (code !== 0) throw new Error(stderr);
}

const commit = (clone: string, file: string, title: string): Promise<Ended> =>
  runBeside(DELIVER, [file, title], { cwd: clone, env: { ...IDENTITY, DELIVERY: 'commit' } });

describe('delivered as a commit', () => {
  it('is on main', async () => {
    const remote = new Remote();
    const clone = remote.clone();
    promote(clone, 'staging', '0.2.0');
    const ended = await commit(clone, STAGING, 'Promote staging');
    expect(ended).toMatchObject({ code: 0 });
    expect(runningOf(remote.show(STAGING))).toEqual({ tag: '0.2.0', digest: digestOf('0.2.0') });
    expect(outputsOf(ended)['commit']).toBe(git(remote.path, 'rev-parse', 'main'));
  });

  it('gets there, where two deliver at the same moment to two overlays', async () => {
    const remote = new Remote();
    const [one, other] = [remote.clone(), remote.clone()];
    // Each push waits until the other has fetched too, so that one of them must lose the race.
    writeFileSync(
      join(remote.path, 'hooks/pre-receive'),
      `#!/usr/bin/env bash\ntouch "${remote.path}/pushed-$$"\nfor ((i = 0; i < 100; i++)); do compgen -G "${remote.path}/pushed-*" | sed -n 2p | grep -q . && exit 0; sleep 0.05; done\n`,
      { mode: 0o755 },
    );
    promote(one, 'staging', '0.2.0');
    promote(other, 'production', '0.3.0');
    const ended = await Promise.all([
      commit(one, STAGING, 'Promote staging'),
      commit(other, PRODUCTION, 'Promote production'),
    ]);
    expect(ended.map(({ code }) => code)).toEqual([0, 0]);
    expect(ended.map(({ stderr }) => stderr).join('')).toMatch(/rejected|failed to push/);
    expect(runningOf(remote.show(STAGING)).tag).toBe('0.2.0');
    expect(runningOf(remote.show(PRODUCTION)).tag).toBe('0.3.0');
    expect(remote.subjects().sort()).toEqual(['Begin', 'Promote production', 'Promote staging']);
  });

  it('catches up with what was pushed since it was cloned', async () => {
    const remote = new Remote();
    const [late, early] = [remote.clone(), remote.clone()];
    writeFileSync(join(early, 'README.md'), 'Meanwhile.\n');
    remote.commit(early, 'Meanwhile');
    git(early, 'push', '--quiet', 'origin', 'HEAD:main');
    promote(late, 'staging', '0.2.0');
    expect(await commit(late, STAGING, 'Promote staging')).toMatchObject({ code: 0 });
    expect(remote.subjects()).toEqual(['Promote staging', 'Meanwhile', 'Begin']);
  });

  it('gives up where the same overlay was promoted meanwhile, and leaves that as it is', async () => {
    const remote = new Remote();
    const [late, early] = [remote.clone(), remote.clone()];
    promote(early, 'staging', '0.3.0');
    expect(await commit(early, STAGING, 'Promote staging to 0.3.0')).toMatchObject({ code: 0 });
    promote(late, 'staging', '0.2.0');
    const ended = await commit(late, STAGING, 'Promote staging to 0.2.0');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('was changed on main meanwhile');
    expect(runningOf(remote.show(STAGING)).tag).toBe('0.3.0');
  });

  it('is content where the same was delivered meanwhile', async () => {
    const remote = new Remote();
    const [late, early] = [remote.clone(), remote.clone()];
    for (const clone of [early, late]) promote(clone, 'staging', '0.2.0');
    await commit(early, STAGING, 'Promote staging');
    expect(await commit(late, STAGING, 'Promote staging')).toMatchObject({ code: 0 });
    expect(remote.subjects()).toEqual(['Promote staging', 'Begin']);
  });

  it('does not try for ever where main takes no push', async () => {
    const remote = new Remote();
    writeFileSync(join(remote.path, 'hooks/pre-receive'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const clone = remote.clone();
    promote(clone, 'staging', '0.2.0');
    const { code, stderr } = await commit(clone, STAGING, 'Promote staging');
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('takes no push, though nobody else has pushed'),
    ]);
  });

  it('commits that file alone', async () => {
    const remote = new Remote();
    const clone = remote.clone();
    promote(clone, 'staging', '0.2.0');
    writeFileSync(join(clone, 'dropped-here'), '');
    await commit(clone, STAGING, 'Promote staging');
    expect(git(remote.path, 'show', '--name-only', '--format=', 'main')).toBe(STAGING);
  });
});

describe('delivered as a pull request', () => {
  const BRANCH = 'promote/staging';
  const deliver = (clone: string, bin: string, title: string): Ended =>
    run(DELIVER, [STAGING, title], { cwd: clone, bin, env: { ...IDENTITY, BRANCH, BODY: 'Why.' } });

  it('opens one, and leaves main as it is', () => {
    const remote = new Remote();
    const clone = remote.clone();
    const bin = emptyFolder();
    fakeTool(bin, 'gh', [
      { call: /^gh pr list/ },
      { call: /^gh pr create/, stdout: 'https://example.com/pull/1\n' },
    ]);
    promote(clone, 'staging', '0.2.0');
    const ended = deliver(clone, bin, 'Promote staging');
    expect(ended).toMatchObject({ code: 0 });
    expect(outputsOf(ended)['url']).toBe('https://example.com/pull/1');
    expect(callsOf(bin)).toEqual([
      `gh pr list --head ${BRANCH} --base main --state open --json url --jq .[0].url // empty`,
      `gh pr create --head ${BRANCH} --base main --title Promote staging --body Why.`,
    ]);
    expect(runningOf(remote.show(STAGING, BRANCH)).tag).toBe('0.2.0');
    expect(runningOf(remote.show(STAGING)).tag).toBe('0.1.0');
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
      promote(clone, 'staging', version);
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
    promote(clone, 'staging', '0.2.0');
    const github = { GITHUB_SERVER_URL: 'https://github.com', GITHUB_REPOSITORY: 'us/it' };
    const env = { ...IDENTITY, ...github, BRANCH, GITHUB_STEP_SUMMARY: summary };
    const ended = run(DELIVER, [STAGING, 'Promote staging'], { cwd: clone, bin, env });
    expect(runningOf(remote.show(STAGING, BRANCH)).tag).toBe('0.2.0');
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

describe('what was promoted between two commits', () => {
  const promotedIn = (clone: string, before: string, after: string): Expectation[] => {
    const ended = run('node', [join(DIST, 'promoted.js'), before, after], { cwd: clone, env: IDENTITY });
    expect(ended).toMatchObject({ code: 0 });
    return JSON.parse(outputsOf(ended)['promotions'] ?? '');
  };

  it('is what the endpoints must then say, for each overlay', () => {
    const remote = new Remote();
    const clone = remote.clone();
    promote(clone, 'staging', '0.2.0');
    remote.commit(clone, 'One');
    const model = { MODEL_URI: 's3://bucket/digits/2.0.0', MODEL_SHA256: '5e'.repeat(32) };
    run('node', [join(DIST, 'promote.js')], { cwd: clone, env: { OVERLAY: 'production', ...model } });
    remote.commit(clone, 'Two');
    expect(promotedIn(clone, 'HEAD~2', 'HEAD')).toEqual([
      { overlay: 'production', version: '0.1.0', model_sha256: model.MODEL_SHA256 },
      { overlay: 'staging', version: '0.2.0', model_sha256: '' },
    ]);
    expect(promotedIn(clone, 'HEAD', 'HEAD')).toEqual([]);
  });

  it('is nothing where an overlay changed in another way, or runs no released version', () => {
    const remote = new Remote();
    const clone = remote.clone();
    writeFileSync(join(clone, STAGING), `# A word.\n${readFileSync(join(clone, STAGING), 'utf8')}`);
    mkdirSync(join(clone, 'k8s/overlays/local'));
    writeFileSync(join(clone, overlayFile('local')), readFileSync(join(ROOT, overlayFile('local'))));
    remote.commit(clone, 'A word');
    expect(promotedIn(clone, 'HEAD^', 'HEAD')).toEqual([]);
  });
});

describe('the way back', () => {
  /** A remote with one promotion of staging on main. */
  function promoted(subject = 'Promote staging'): { remote: Remote; clone: string; bin: string } {
    const remote = new Remote();
    const clone = remote.clone();
    promote(clone, 'staging', '0.2.0');
    remote.commit(clone, subject);
    git(clone, 'push', '--quiet', 'origin', 'HEAD:main');
    const bin = emptyFolder();
    fakeTool(bin, 'gh', [
      { call: /^gh pr list/ },
      { call: /^gh pr create/, stdout: 'https://example.com/pull/2\n' },
    ]);
    return { remote, clone, bin };
  }
  const revert = (clone: string, bin: string): Ended =>
    run(join(SCRIPTS, 'open-revert'), ['staging', 'HEAD^', git(clone, 'rev-parse', 'HEAD')], {
      cwd: clone,
      bin,
      env: { ...IDENTITY, REASON: 'The smoke test failed.' },
    });

  it('is a pull request with the overlay as it was, on top of what main is now', () => {
    const { remote, clone, bin } = promoted();
    const other = remote.clone();
    writeFileSync(join(other, 'README.md'), 'Meanwhile.\n');
    remote.commit(other, 'Meanwhile');
    git(other, 'push', '--quiet', 'origin', 'HEAD:main');
    expect(revert(clone, bin)).toMatchObject({ code: 0 });
    expect(remote.show(STAGING, 'roll-back/staging')).toBe(readFileSync(join(ROOT, STAGING), 'utf8'));
    expect(remote.subjects('roll-back/staging')).toEqual([
      'Roll back staging',
      'Meanwhile',
      'Promote staging',
      'Begin',
    ]);
    expect(remote.subjects()).toEqual(['Meanwhile', 'Promote staging', 'Begin']);
    expect(callsOf(bin).at(-1)).toContain('--title Roll back staging --body The smoke test failed.');
  });

  it('is not opened for what was a way back itself, so that it cannot go in circles', () => {
    const { remote, clone, bin } = promoted('Roll back staging');
    const ended = revert(clone, bin);
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining('a person has to look')]);
    expect(callsOf(bin)).toEqual([]);
    expect(git(remote.path, 'branch', '--list', 'roll-back/*')).toBe('');
  });

  it('is not opened where the overlay was promoted again meanwhile', () => {
    const { remote, clone, bin } = promoted();
    const other = remote.clone();
    promote(other, 'staging', '0.3.0');
    remote.commit(other, 'Promote staging to 0.3.0');
    git(other, 'push', '--quiet', 'origin', 'HEAD:main');
    expect(revert(clone, bin)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('nothing to take back'),
    });
    expect(callsOf(bin)).toEqual([]);
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
