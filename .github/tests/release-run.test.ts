import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { emptyFolder } from './support/folder.js';
import { ROOT, run } from './support/run.js';
import { StandIns } from './support/stand-ins.js';
import { WorkflowRun } from './support/workflow-run.js';
import { workflowNamed } from './support/workflows.js';

const IMAGE = 'ghcr.io/acme/vision';
const ECR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com/vision';
const MODEL = 'service/models/digits';

/** A checkout at the tag v0.2.0, with a small model, and without what takes long: dependencies, the checks of images. */
function checkout(): string {
  const cwd = emptyFolder();
  for (const part of ['.github/scripts', '.github/publisher', 'dist/.github/scripts'])
    cpSync(join(ROOT, part), join(cwd, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(cwd, 'node_modules'));
  mkdirSync(join(cwd, '.ci'));
  for (const check of ['container', 'dashboard-image'])
    writeFileSync(join(cwd, '.ci', check), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(cwd, 'package.json'), JSON.stringify({ type: 'module', version: '0.2.0' }));
  for (const part of ['model.json', 'model.onnx']) cpSync(join(ROOT, MODEL, part), join(cwd, MODEL, part));
  const git = (...args: readonly string[]) =>
    run('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd });
  git('init', '--quiet', '--initial-branch=main');
  git('add', 'package.json');
  git('commit', '--quiet', '-m', 'Begin');
  git('update-ref', 'refs/remotes/origin/main', 'HEAD');
  return cwd;
}

function release(): { tools: StandIns; begin: () => WorkflowRun } {
  const tools = new StandIns('docker', 'cosign', 'gh', 'aws', 'uname');
  const cwd = checkout();
  const runner = {
    cwd,
    bin: tools.bin,
    context: {
      github: { repository: 'acme/vision', sha: 'a'.repeat(40), token: 'token' },
      vars: { IMAGE, ECR_REPOSITORY: ECR, MODEL_PREFIX: 's3://bucket/models' },
      GITHUB_REF_NAME: 'v0.2.0',
    },
    actions: {
      // Each job begins in a workspace of its own.
      'actions/checkout': (_: object, { runner: machine = '' }: Readonly<Record<string, string>>) => {
        for (const left of ['digests', 'model']) rmSync(join(cwd, left), { recursive: true, force: true });
        tools.remember('machine', 'now', machine.endsWith('-arm') ? 'aarch64' : 'x86_64');
      },
      'actions/attest': (inputs: Readonly<Record<string, string>>) => {
        const digest = inputs['subject-digest'];
        if (digest !== undefined) tools.remember('attested', `${inputs['subject-name']}@${digest}`);
      },
    },
  };
  return { tools, begin: () => new WorkflowRun(workflowNamed('release'), runner) };
}

/** What a release has to have left behind, however it came there. */
function expectReleased(tools: StandIns): void {
  const tags = tools.all('tags');
  const signed = Object.keys(tools.all('signed'));
  for (const tag of ['0.2.0', '0.2.0-cuda', '0.2.0-dashboard']) {
    const digest = tags[`${IMAGE}:${tag}`];
    expect(digest).toMatch(/^sha256:/);
    expect(tags[`${ECR}:${tag}`]).toBe(digest);
    expect(signed).toEqual(expect.arrayContaining([`${IMAGE}@${digest}`, `${ECR}@${digest}`]));
    expect(tools.all('attested')).toHaveProperty([`${IMAGE}@${digest}`]);
  }
  const { draft, ...assets } = tools.all('release');
  expect([draft, Object.keys(assets)]).toEqual([
    'false',
    ['asset-SHA256SUMS', expect.stringMatching(/^asset-digits-.*gz$/)],
  ]);
  expect(Object.keys(tools.all('bucket'))).toHaveLength(2);
}

async function callsUntil(pattern: RegExp): Promise<number> {
  const { tools, begin } = release();
  await begin().attempt();
  return tools.calls().findIndex((call) => pattern.test(call));
}

const kindOf = (call: string): string =>
  call
    .split(' ')
    .slice(0, 4)
    .join(' ')
    .replace(/[:@].*/, '');

describe('release.yml, run', () => {
  it('releases, signs what it tags, and tags last', async () => {
    const { tools, begin } = release();
    const attempt = begin();
    expect(await attempt.attempt(), attempt.output).toEqual([]);
    expectReleased(tools);
    const calls = tools.calls();
    const place = (pattern: RegExp): number => calls.findIndex((call) => pattern.test(call));
    expect(place(/^cosign sign --yes ghcr/)).toBeGreaterThan(0);
    expect(place(/^cosign sign --yes ghcr/)).toBeLessThan(place(/imagetools create --tag \S+:0\.2\.0 /));
  });

  it('is finished when it is run again, whichever of its calls has failed', async () => {
    const { tools: whole, begin: once } = release();
    await once().attempt();
    const calls = whole.calls();
    const breaks = calls.flatMap((call, index) =>
      calls.findIndex((one) => kindOf(one) === kindOf(call)) === index ? [index + 1] : [],
    );
    expect(breaks.length).toBeGreaterThan(12);
    let failures = 0;
    for (const [index, nth] of breaks.entries()) {
      const { tools, begin } = release();
      const first = begin();
      // In turns: before and after it took effect; run again its failed jobs, or all of it, which builds other images.
      tools.breakCall((index & 1) === 0 ? 'before' : 'after', nth);
      failures += (await first.attempt()).length > 0 ? 1 : 0;
      tools.mend();
      const second = (index & 2) === 0 ? begin() : first;
      const what = `${calls[nth - 1]}\n${first.output}\n${second.output}`;
      expect(await second.attempt(), what).toEqual([]);
      expectReleased(tools);
    }
    // What had taken effect, or had said that something is not there, passes at once.
    expect(failures).toBeGreaterThanOrEqual(breaks.length - 2);
  });

  it('takes what its first run has tagged, though it is built again', async () => {
    const { tools, begin } = release();
    tools.breakCall('before', 1 + (await callsUntil(/^gh release create/)));
    expect(await begin().attempt()).toEqual(['release', 'staging']);
    const tagged = tools.all('tags')[`${IMAGE}:0.2.0`];
    tools.mend();
    expect(await begin().attempt()).toEqual([]);
    expect(tools.all('tags')[`${IMAGE}:0.2.0`]).toBe(tagged);
    expectReleased(tools);
  });

  it('takes over no tag that somebody else has pushed', async () => {
    const { tools, begin } = release();
    tools.remember('tags', `${IMAGE}:0.2.0`, `sha256:${'e'.repeat(64)}`);
    const attempt = begin();
    expect(await attempt.attempt()).toContain('publish');
    expect(Object.keys(tools.all('signed'))).toEqual([]);
    expect(attempt.output).toContain('is there already');
  });
});
