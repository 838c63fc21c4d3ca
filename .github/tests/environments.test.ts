import { once } from 'node:events';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tool } from '../../k8s/tests/support/tools.js';
import { markdownOfDiff } from '../scripts/diff-report.js';
import { withRevision } from '../scripts/environments.js';
import type { Expectation } from '../scripts/promoted.js';
import { callsOf, fakeTool } from './support/fake-tools.js';
import { emptyFolder } from './support/folder.js';
import {
  digestOf,
  ENVIRONMENTS,
  environmentsText,
  git,
  IDENTITY,
  IMAGE,
  MODEL,
  RELEASE,
  Remote,
  release,
  setRevision,
  write,
} from './support/remote.js';
import { DIST, type Ended, type Environment, outputsOf, ROOT, run, runBeside } from './support/run.js';
import { absent } from './support/tools.js';
import { WorkflowRun } from './support/workflow-run.js';
import { workflowNamed } from './support/workflows.js';

const SHA256 = '5e'.repeat(32);
const MODEL_URI = 's3://bucket/models/digits/2.0.0/';
const kustomize = tool('kustomize');

/** A clone with the scripts and what they are built to, which Git does not see. What verify-image demands is held elsewhere. */
function workplace(remote: Remote, verified = true): string {
  const clone = remote.clone();
  cpSync(join(ROOT, '.github/scripts'), join(clone, '.github/scripts'), { recursive: true });
  cpSync(DIST, join(clone, 'dist/.github/scripts'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
  writeFileSync(join(clone, '.git/info/exclude'), '.github\ndist\nnode_modules\nout\n');
  const verify = `#!/bin/sh\necho "verified $IMAGE:$TAG@$DIGEST"\nexit ${verified ? 0 : 1}\n`;
  writeFileSync(join(clone, '.github/scripts/verify-image'), verify, { mode: 0o755 });
  return clone;
}

/** Images of every version; pull requests that can be opened; kustomize itself. */
function tools(): string {
  const bin = emptyFolder();
  fakeTool(bin, 'gh', [
    { call: /^gh api repos\/acme\/vision\/environments\/production-approval /, stdout: '2\n' },
    { call: /^gh pr list/ },
    { call: /^gh pr create/, stdout: 'https://example.com/pull/1\n' },
  ]);
  if (kustomize !== undefined) symlinkSync(kustomize, join(bin, 'kustomize'));
  // As digestOf.
  const digest = `d=$(tr -dc 0-9 <<<"$(cut -d : -f 2 <<<"$4")"); printf 'sha256:%064s' "$d" | tr ' ' 1`;
  fakeTool(bin, 'docker', [{ call: /imagetools inspect/, does: digest }]);
  return bin;
}

const GIVEN = { ...IDENTITY, REPOSITORY: 'acme/vision', IMAGE };
function act(
  clone: string,
  name: string,
  args: readonly string[],
  env: Environment,
): Ended & { bin: string } {
  const bin = tools();
  const command = join(clone, '.github/scripts', name);
  return { ...run(command, args, { cwd: clone, bin, env: { ...GIVEN, ...env } }), bin };
}
const opened = (bin: string): string => callsOf(bin).find((call) => call.includes('pr create')) ?? '';

describe('the revision of an environment', () => {
  const text = environmentsText;
  const hash = 'a1'.repeat(20);

  it('is one line of a diff', () => {
    expect(withRevision(text, 'production', hash).replace(hash, 'main')).toBe(text);
    expect(withRevision(text, 'production', hash)).toContain(`revision: ${hash} } # promoted`);
  });

  it.each(['1'.repeat(40), `${'1'.repeat(20)}e${'2'.repeat(19)}`])('stays text as %s', (digits) => {
    const again = withRevision(withRevision(text, 'production', digits), 'production', 'main');
    expect(withRevision(text, 'production', digits)).toContain(`revision: '${digits}'`);
    expect(again).toBe(text);
  });

  it('is refused for what is off, or not there', () => {
    expect(() => withRevision(text, 'production-gpu', hash)).toThrow(/production-gpu/);
  });

  it('can be read and set in this repository', () => {
    const own = readFileSync(join(ROOT, ENVIRONMENTS), 'utf8');
    for (const name of ['staging', 'production']) expect(withRevision(own, name, hash)).toContain(hash);
  });
});

describe('what was promoted between two commits', () => {
  const promotedIn = (clone: string, before: string, after: string): Expectation[] => {
    const ended = run('node', [join(DIST, 'promoted.js'), before, after], { cwd: clone, env: IDENTITY });
    expect(ended).toMatchObject({ code: 0 });
    return JSON.parse(outputsOf(ended)['promotions'] ?? '');
  };

  it('is what the endpoints must then say: of who follows main, and of who was moved', () => {
    const remote = new Remote();
    const clone = remote.clone();
    const first = git(clone, 'rev-parse', 'HEAD');
    setRevision(clone, 'production', first);
    remote.commit(clone, 'Pin production to what it runs');
    release(clone, '0.2.0');
    write(clone, MODEL, `MODEL_URI=${MODEL_URI}\nMODEL_SHA256=${SHA256}\n`);
    const staged = remote.commit(clone, 'Stage 0.2.0');
    expect(promotedIn(clone, 'HEAD^', 'HEAD')).toEqual([
      { environment: 'staging', version: '0.2.0', model_sha256: SHA256 },
    ]);
    setRevision(clone, 'production', staged);
    remote.commit(clone, 'Promote');
    expect(promotedIn(clone, 'HEAD^', 'HEAD')).toEqual([
      { environment: 'production', version: '0.2.0', model_sha256: SHA256 },
    ]);
    expect(promotedIn(clone, 'HEAD', 'HEAD')).toEqual([]);
  });

  it('is nothing where staging only gets other manifests, or nothing was released', () => {
    const remote = new Remote();
    const clone = remote.clone();
    write(clone, 'k8s/base/service.yaml', '# More.\n');
    remote.commit(clone, 'Manifests');
    write(clone, RELEASE, 'kind: Component\n');
    remote.commit(clone, 'No release');
    expect(promotedIn(clone, 'HEAD~2', 'HEAD^')).toEqual([]);
    expect(promotedIn(clone, 'HEAD^', 'HEAD')).toEqual([]);
  });
});

describe.skipIf(absent('kustomize'))('staging', () => {
  const stage = (env: Environment, signed = true) => {
    const remote = new Remote();
    const clone = workplace(remote, signed);
    return { remote, clone, ...act(clone, 'stage', [], env) };
  };

  it('takes the digests from the registry, verifies all images, and writes them under the name of this copy', () => {
    const { code, stdout, stderr, remote, bin } = stage({ VERSION: '0.2.0', IMAGE: 'ghcr.io/other/name' });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const text = remote.show(RELEASE, 'stage/image');
    expect(text).toContain(
      `- digest: ${digestOf('0.2.0')}\n  name: cv-inference\n  newName: ghcr.io/other/name\n  newTag: 0.2.0\n`,
    );
    for (const tag of ['0.2.0-cuda', '0.2.0-dashboard']) {
      expect(stdout).toContain(`verified ghcr.io/other/name:${tag}@${digestOf(tag)}`);
      expect(text).toContain(`newTag: ${tag}\n`);
    }
    expect(opened(bin)).toContain('--title Stage image 0.2.0 --body ghcr.io/other/name:0.2.0@sha256:');
    expect(remote.subjects()).toEqual(['Begin']);
  });

  it('is all that a copy of this repository needs to run its own image, and none of ours', () => {
    const remote = new Remote();
    const clone = workplace(remote);
    for (const part of ['base', 'components', 'overlays', 'release'])
      cpSync(join(ROOT, 'k8s', part), join(clone, 'k8s', part), { recursive: true });
    remote.push(clone, 'As it is');
    expect(act(clone, 'stage', [], { VERSION: '0.2.0', DELIVERY: 'commit' })).toMatchObject({ code: 0 });
    for (const [overlay, tag] of [
      ['staging', '0.2.0'],
      ['production', '0.2.0'],
      ['production-gpu', '0.2.0-cuda'],
    ] as const) {
      const { stdout } = run(kustomize ?? '', ['build', join(clone, 'k8s/overlays', overlay)]);
      expect(stdout).toContain(`image: ${IMAGE}:${tag}@${digestOf(tag)}\n`);
      expect(stdout).not.toMatch(/image: .*cv-inference\/cv-inference/);
    }
  });

  it('writes nothing where a signature is not right', () => {
    const { code, remote, bin } = stage({ VERSION: '0.2.0' }, false);
    expect([code, opened(bin), git(remote.path, 'branch', '--list', 'stage/*')]).toEqual([1, '', '']);
  });

  it('takes a model alone, and asks no registry: as stage.yml does', async () => {
    const remote = new Remote();
    const bin = tools();
    const github = {
      repository: 'acme/vision',
      token: 'token',
      event: { repository: { default_branch: 'main' } },
    };
    const inputs = { version: '', model_uri: MODEL_URI, model_sha256: SHA256, delivery: 'commit' };
    const runner = { cwd: workplace(remote), bin, actions: {}, context: { github, inputs } };
    const attempt = new WorkflowRun(workflowNamed('stage'), runner);
    expect([await attempt.attempt(), callsOf(bin)], attempt.output).toEqual([[], []]);
    expect(remote.show(MODEL)).toBe(
      `# No model has been staged.\nMODEL_URI=${MODEL_URI}\nMODEL_SHA256=${SHA256}\n`,
    );
    expect(remote.subjects()[0]).toBe(`Stage model ${MODEL_URI}`);
  });

  it('is content where all of it is there already', () => {
    const { code, stdout, bin } = stage({ VERSION: '0.1.0' });
    expect([code, opened(bin)]).toEqual([0, '']);
    expect(stdout).toContain('staging has all of this already');
  });

  it.each([
    {},
    { VERSION: 'latest' },
    { VERSION: '0.2.0 --x' },
    { MODEL_URI },
    { MODEL_URI: 's3://bucket/../x', MODEL_SHA256: SHA256 },
    { MODEL_URI: `${MODEL_URI}\nMODEL_SHA256=x`, MODEL_SHA256: SHA256 },
    { MODEL_URI, MODEL_SHA256: 'x' },
  ])('refuses %j, and writes nothing', (env) => {
    const { code, clone } = stage(env);
    expect([code, git(clone, 'status', '--porcelain')]).toEqual([2, '']);
  });
});

describe.skipIf(absent('kustomize'))('promoting', () => {
  /** Production is where everything began; main has staged 0.2.0 since, and changed a manifest. */
  function staged(signed = true): { remote: Remote; clone: string; first: string; head: string } {
    const remote = new Remote();
    const clone = workplace(remote, signed);
    const first = git(clone, 'rev-parse', 'HEAD');
    setRevision(clone, 'production', first);
    remote.push(clone, 'Pin production');
    release(clone, '0.2.0');
    write(
      clone,
      'k8s/base/kustomization.yaml',
      read(clone, 'k8s/base/kustomization.yaml').replace('info', 'warn'),
    );
    return { remote, clone, first, head: remote.push(clone, 'Stage 0.2.0') };
  }
  const read = (clone: string, file: string): string => readFileSync(join(clone, file), 'utf8');
  const check = (clone: string, env: Environment = {}) =>
    act(clone, 'check-revision', ['out'], { ENVIRONMENT: 'production', ...env });
  const promote = (clone: string, env: Environment = {}) =>
    act(clone, 'promote', ['out'], { ENVIRONMENT: 'production', ...env });

  it('moves one line to the head of main, and shows reviewers what that changes', () => {
    const { remote, clone, first, head } = staged();
    expect(check(clone)).toMatchObject({ code: 0, stderr: '' });
    const { code, bin } = promote(clone, { DETAILS: '## digits 1.1.0: passed' });
    expect(code).toBe(0);
    const branch = 'promote/production';
    expect(opened(bin)).toContain('as staging has run it.\\n\\n## digits 1.1.0: passed\\n\\nFrom ');
    expect(git(remote.path, 'diff', '--shortstat', 'main', branch)).toContain(
      '1 insertion(+), 1 deletion(-)',
    );
    expect(remote.show(ENVIRONMENTS, branch)).toContain(`namespace: cv-inference, revision: ${head} }`);
    expect(opened(bin)).toContain(`--title Promote production to ${head.slice(0, 12)} --body `);
    for (const change of ['-  LOG_LEVEL: info', '+  LOG_LEVEL: warn', `+        image: ${IMAGE}:0.2.0@`]) {
      expect(opened(bin)).toContain(change);
    }
    expect(opened(bin)).toContain(`From ${first.slice(0, 12)} to ${head.slice(0, 12)}`);
    expect(git(remote.path, 'log', '-1', '--format=%b', branch)).not.toContain('LOG_LEVEL');
  });

  it.each([
    ['commit', 'main'],
    ['pull-request', 'promote/production'],
  ])('is what promote.yml does by %s, once', async (delivery, branch) => {
    const { remote, clone, head } = staged();
    const github = {
      repository: 'acme/vision',
      token: 'token',
      event: { repository: { default_branch: 'main' } },
    };
    const inputs = { environment: 'production', revision: '', delivery, details: '## passed' };
    const bin = tools();
    const runner = { cwd: clone, bin, actions: {}, context: { github, inputs } };
    const attempt = new WorkflowRun(workflowNamed('promote'), runner);
    expect(await attempt.attempt(), attempt.output).toEqual([]);
    expect(opened(bin).includes('## passed')).toBe(delivery === 'pull-request');
    expect(remote.show(ENVIRONMENTS, branch)).toContain(`namespace: cv-inference, revision: ${head} }`);
    git(remote.path, 'update-ref', 'refs/heads/main', branch);
    const again = act(clone, 'promote', ['promotion'], { ENVIRONMENT: 'production' });
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('already') });
  });

  it.each<[string, (clone: string, remote: Remote) => string]>([
    ['a commit that main has not', (clone, remote) => remote.commit(clone, 'Mine')],
    [
      'a commit of a branch before it was merged',
      (clone, remote) => {
        git(clone, 'checkout', '--quiet', '-b', 'topic');
        write(clone, 'README.md', 'x\n');
        const topic = remote.commit(clone, 'Topic');
        git(clone, 'checkout', '--quiet', 'main');
        git(clone, 'merge', '--quiet', '--no-ff', '-m', 'Merge', 'topic');
        git(clone, 'push', '--quiet', 'origin', 'HEAD:main');
        return topic;
      },
    ],
    ['no commit', () => 'f'.repeat(40)],
    ['an option', () => '--all'],
    [
      'a commit that names no release',
      (clone, remote) => {
        write(clone, RELEASE, 'kind: Component\n');
        return remote.push(clone, 'None');
      },
    ],
    [
      'a commit whose image has no digest',
      (clone, remote) => {
        write(clone, RELEASE, read(clone, RELEASE).replaceAll(/digest: .*\n {2}/g, ''));
        return remote.push(clone, 'None');
      },
    ],
  ])('refuses %s', (_, make) => {
    const { remote, clone } = staged();
    write(clone, 'NOTES.md', 'x\n');
    const REVISION = make(clone, remote);
    expect(check(clone, { REVISION }).code).not.toBe(0);
  });

  it('refuses images that are not signed, and an environment that there is not', () => {
    expect(check(staged(false).clone).code).toBe(1);
    const { clone } = staged();
    expect(check(clone, { ENVIRONMENT: 'production-gpu' }).code).toBe(1);
  });

  it('asks whether staging serves it, and not on the way back', async () => {
    const { remote, clone, first, head } = staged();
    let asked = 0;
    let serves = '0.1.0';
    const server = createServer((_, response) => {
      asked += 1;
      response.end(JSON.stringify({ service_version: serves }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const TARGET = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = (REVISION: string): Promise<Ended> => {
      const env = {
        ...GIVEN,
        ENVIRONMENT: 'production',
        REVISION,
        TARGET,
        PAUSE_MS: '5',
        DEADLINE_SECONDS: '1',
      };
      const command = join(clone, '.github/scripts/check-revision');
      return runBeside(command, ['out'], { cwd: clone, bin: tools(), env });
    };
    expect((await ask(head)).code).toBe(1);
    serves = '0.2.0';
    expect((await ask(head)).code).toBe(0);
    setRevision(clone, 'production', head);
    remote.push(clone, 'Promote');
    asked = 0;
    expect([(await ask(first)).code, asked]).toEqual([0, 0]);
  });
});

it.each<[string, string, number]>([
  ['has reviewers', '1\n', 0],
  ['has none', '0\n', 1],
  ['is not there', '', 1],
])('a commit may be approved where the environment %s', (_, stdout, code) => {
  const bin = emptyFolder();
  fakeTool(bin, 'gh', [{ call: /^gh api/, stdout, code: stdout === '' ? 1 : 0 }]);
  const env = { REPOSITORY: 'acme/vision', GH_TOKEN: 'token' };
  const command = join(ROOT, '.github/scripts/demand-approval');
  expect(run(command, ['production-approval'], { bin, env }).code).toBe(code);
});

describe('the way back', () => {
  function promoted(subject = 'Promote'): { remote: Remote; clone: string; before: string; after: string } {
    const remote = new Remote();
    const clone = workplace(remote);
    const first = git(clone, 'rev-parse', 'HEAD');
    setRevision(clone, 'production', first);
    const before = remote.push(clone, 'Pin production');
    release(clone, '0.2.0');
    write(clone, MODEL, `MODEL_URI=${MODEL_URI}\n`);
    setRevision(clone, 'production', before);
    return { remote, clone, before, after: remote.push(clone, subject) };
  }
  const back = (clone: string, environment: string, before: string, after: string) =>
    act(clone, 'open-revert', [environment, before, after], { REASON: 'The smoke test failed.' });
  const meanwhile = (remote: Remote, change: (clone: string) => void): void => {
    const other = remote.clone();
    change(other);
    remote.push(other, 'Meanwhile');
  };

  it('of staging is a pull request with image and model as they were, on top of what main is now', () => {
    const { remote, clone, before, after } = promoted();
    meanwhile(remote, (other) => write(other, 'README.md', 'x\n'));
    const { code, bin } = back(clone, 'staging', before, after);
    expect(code).toBe(0);
    const branch = 'roll-back/staging';
    expect(git(remote.path, 'diff', '--name-only', before, branch)).toBe(
      `README.md\n${ENVIRONMENTS}`.split('\n').sort().join('\n'),
    );
    expect(remote.subjects(branch).slice(0, 2)).toEqual(['Roll back staging', 'Meanwhile']);
    expect(opened(bin)).toContain('--title Roll back staging --body The smoke test failed.');
  });

  it('of production is its revision as it was, and nothing else', () => {
    const { remote, clone, before, after } = promoted();
    expect(back(clone, 'production', before, after)).toMatchObject({ code: 0 });
    const branch = 'roll-back/production';
    expect(git(remote.path, 'diff', '--name-only', 'main', branch)).toBe(ENVIRONMENTS);
    expect(remote.show(ENVIRONMENTS, branch)).toBe(remote.show(ENVIRONMENTS, before));
  });

  it('is not opened for what was a way back itself, so that it cannot go in circles', () => {
    const { remote, clone, before, after } = promoted('Roll back staging');
    const ended = back(clone, 'staging', before, after);
    expect([ended.code, ended.stderr]).toEqual([0, expect.stringContaining('a person has to look')]);
    expect(git(remote.path, 'branch', '--list', 'roll-back/*')).toBe('');
  });

  it.each<[string, (clone: string) => void]>([
    ['staging', (other) => release(other, '0.3.0')],
    ['production', (other) => setRevision(other, 'production', 'd'.repeat(40))],
  ])('of %s is not opened where it was changed again meanwhile', (environment, change) => {
    const { remote, clone, before, after } = promoted();
    meanwhile(remote, change);
    const ended = back(clone, environment, before, after);
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to take back') });
    expect(git(remote.path, 'branch', '--list', 'roll-back/*')).toBe('');
  });
});

describe.skipIf(absent('kustomize'))('the diff of manifests', () => {
  const diffOf = (change: (clone: string) => void): string => {
    const remote = new Remote();
    const clone = workplace(remote);
    change(clone);
    remote.commit(clone, 'Change');
    const ended = act(clone, 'diff-manifests', ['out', 'HEAD^', 'HEAD'], {});
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    return readFileSync(join(clone, 'out/manifests.diff'), 'utf8');
  };

  it('has every overlay that a change reaches, and those of Argo CD', () => {
    const base = diffOf((clone) =>
      write(clone, 'k8s/base/kustomization.yaml', 'resources: [deployment.yaml]\n'),
    );
    expect(base.match(/^--- .*/gm)).toEqual(['--- production', '--- staging']);
    const one = diffOf((clone) => setRevision(clone, 'production', 'a1'.repeat(20)));
    expect(one.match(/^--- .*/gm)).toEqual(['--- argocd']);
    expect(diffOf((clone) => write(clone, 'README.md', 'x\n'))).toBe('');
  });

  it('shows an overlay that is new, and one that breaks', () => {
    const more = diffOf((clone) =>
      write(clone, 'k8s/overlays/more/kustomization.yaml', 'resources: [../../base]\n'),
    );
    expect(more).toContain('+++ more');
    expect(
      diffOf((clone) => write(clone, 'k8s/base/kustomization.yaml', 'resources: [none.yaml]\n')),
    ).toContain('+# does not render');
  });

  it('is shown in a fence that it cannot leave, at no more than GitHub takes', () => {
    const evil = '--- staging\n+++ staging\n+```\n+# @everyone <img src=x>\n+````` \u202e\u0007\n';
    const text = markdownOfDiff(evil);
    expect(text).toMatch(/^<details><summary>staging: 3 lines change<\/summary>\n\n`{6}diff\n/);
    expect(text).toMatch(/\n`{6}\n<\/details>\n$/);
    expect(text).toContain('\n+`````\n');
    const long = markdownOfDiff(`--- <b>\n${'+x\n'.repeat(40_000)}`);
    expect(long.length).toBeLessThan(41_000);
    expect(long).toContain('Cut after 40000 of 120008 characters.');
    expect(long).toContain('<summary>b: ');
    expect(markdownOfDiff('')).toBe('No manifest changes.\n');
  });

  it('is read from a file, and from nothing that leads elsewhere', () => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'secret'), 'secret');
    symlinkSync(join(folder, 'secret'), join(folder, 'manifests.diff'));
    const read = (file: string): Ended => run('node', [join(DIST, 'diff-report.js'), join(folder, file)]);
    expect(read('manifests.diff')).toMatchObject({ code: 1, stdout: '' });
    expect(read('none')).toMatchObject({ code: 1 });
  });
});
