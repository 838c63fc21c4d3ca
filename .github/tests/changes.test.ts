import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AREAS, type Area, areasOf } from '../scripts/changes.js';
import { faultsOf } from '../scripts/gate.js';
import { emptyFolder } from './support/folder.js';
import { DIST, outputsOf, ROOT, run } from './support/run.js';

const ALL = Object.keys(AREAS) as Area[];
const TRACKED = run('git', ['ls-files']).stdout.trimEnd().split('\n');

/** These files, and all that they import of the repository. */
function imported(files: readonly string[]): string[] {
  const found = new Set(files);
  for (const file of found) {
    const text = readFileSync(join(ROOT, file), 'utf8');
    for (const [, path = ''] of text.matchAll(/(?:\bfrom |\bimport\()'(\.[^']+)'/g)) {
      const script = join(dirname(file), path);
      const source = script.replace(/\.js$/, '.ts');
      found.add(TRACKED.includes(source) ? source : script);
    }
  }
  return [...found];
}

describe('what a change touches', () => {
  it.each<[string, readonly Area[]]>([
    ['README.md', []],
    ['docs/decisions/0007-the-workload.md', []],
    ['service/predict.ts', ['test', 'manifests', 'pipelines', 'parity', 'container', 'codeql']],
    [
      'service/playground/main.js',
      ['test', 'manifests', 'pipelines', 'parity', 'playground', 'dashboard', 'container', 'codeql'],
    ],
    [
      'service/models/digits/model.onnx',
      ['test', 'manifests', 'pipelines', 'training', 'playground', 'container'],
    ],
    ['bridge/decide.ts', ['test', 'manifests', 'container', 'codeql']],
    ['dashboard/page/main.js', ['manifests', 'pipelines', 'dashboard', 'codeql']],
    ['k8s/components/deployment-dashboard/access.yaml', ['manifests', 'pipelines', 'dashboard']],
    ['loop/page.ts', ['test', 'training', 'playground', 'codeql']],
    ['loop/watch.ts', ['test', 'training', 'codeql']],
    ['k8s/base/deployment.yaml', ['manifests', 'pipelines']],
    ['docs/runbooks/CvInferenceDown.md', ['manifests']],
    ['argocd/root.yaml', ['manifests', 'pipelines']],
    ['training/train.py', ['training', 'codeql']],
    ['docs/images/digit-finder-failures.jpg', ['training']],
    ['Dockerfile', ['container', 'cuda']],
    [
      'package-lock.json',
      ['test', 'manifests', 'pipelines', 'parity', 'playground', 'dashboard', 'container', 'cuda'],
    ],
    ['service/test/parity/requirements.txt', ['test', 'manifests', 'pipelines', 'parity', 'container']],
    [
      'service/inference/cuda/requirements.txt',
      ['test', 'manifests', 'pipelines', 'parity', 'container', 'cuda'],
    ],
    ['infrastructure/modules/network/main.tf', ['test', 'infrastructure']],
    ['infrastructure/modules/storage/outputs.tf', ['test', 'training', 'infrastructure']],
    ['infrastructure/tests/test_applied.py', ['test', 'training', 'infrastructure', 'ansible', 'codeql']],
    ['infrastructure/ansible/node.yml', ['test', 'infrastructure', 'ansible']],
    ['k8s/tests/tools/kubernetes/go.mod', ['manifests', 'pipelines', 'ansible']],
    ['.ci/infrastructure', ['pipelines', 'training', 'infrastructure']],
    ['.ci/ansible', ['pipelines', 'ansible']],
    ['.ci/parity', ['pipelines', 'parity']],
    ['.ci/training-image', ['pipelines', 'training']],
    ['.ci/cuda', ['pipelines', 'cuda']],
    ['.ci/playground', ['pipelines', 'playground']],
    ['.ci/dashboard', ['pipelines', 'dashboard']],
    ['.ci/browser', ['pipelines', 'playground', 'dashboard']],
    ['.github/workflows/release.yml', ['pipelines', 'codeql']],
    ['loadtest/thresholds.json', ['test', 'pipelines']],
    ['Jenkinsfile', ['pipelines']],
  ])('%s: %j', (file, areas) => {
    expect([...areasOf([file])].sort()).toEqual([...areas].sort());
  });

  it.each(['.github/workflows/ci.yml', '.github/scripts/changes.ts', '.github/actions/setup/action.yml'])(
    '%s decides, and so touches everything',
    (file) => {
      expect(areasOf([file])).toEqual(new Set(ALL));
    },
  );

  it('is everything for a file that nobody has thought of', () => {
    expect(areasOf(['new-part/main.rs'])).toEqual(new Set(ALL));
  });

  it('is, for several files, what it is for each', () => {
    fc.assert(
      fc.property(fc.subarray(TRACKED), fc.subarray(TRACKED), (some, others) => {
        expect(areasOf([...some, ...others])).toEqual(new Set([...areasOf(some), ...areasOf(others)]));
      }),
      { numRuns: 50 },
    );
  });

  it('is the dashboard for everything that it and its page are made of', () => {
    const own = TRACKED.filter((file) => /^dashboard\/(?!tests\/).*(?<!\.test)\.[jt]s$/.test(file));
    const files = imported(own);
    expect(files.length).toBeGreaterThan(own.length + 8);
    expect(files.filter((file) => !areasOf([file]).has('dashboard'))).toEqual([]);
  });

  it('leaves no code untested', () => {
    const untested = TRACKED.filter(
      (file) => /\.(ts|js|py|sh|yaml|yml)$/.test(file) && areasOf([file]).size === 0,
    );
    expect(untested).toEqual([]);
  });
});

describe('changes.js', () => {
  const script = join(DIST, 'changes.js');
  const git = (cwd: string, ...args: string[]) => {
    const { code, stderr } = run('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd });
    if (code !== 0) throw new Error(stderr);
  };

  it('asks Git what has changed, at both ends of a renamed file', () => {
    const cwd = emptyFolder();
    git(cwd, 'init', '--quiet');
    writeFileSync(join(cwd, 'Jenkinsfile'), 'the same in both places\n');
    git(cwd, 'add', '.');
    git(cwd, 'commit', '--quiet', '-m', 'one');
    git(cwd, 'mv', 'Jenkinsfile', 'README.md');
    git(cwd, 'commit', '--quiet', '-m', 'two');
    const outputs = outputsOf(run('node', [script, 'HEAD^1'], { cwd }));
    expect(outputs).toEqual({ ...Object.fromEntries(ALL.map((area) => [area, 'false'])), pipelines: 'true' });
  });

  it('writes the outputs of its step', () => {
    const file = join(emptyFolder(), 'output');
    const ended = run('node', [script, ''], { env: { GITHUB_OUTPUT: file } });
    expect(run('cat', [file]).stdout).toBe(ended.stdout);
    expect(outputsOf(ended)).toEqual(Object.fromEntries(ALL.map((area) => [area, 'true'])));
  });

  it('fails where Git cannot say', () => {
    expect(run('node', [script, 'no-such-commit']).code).toBe(1);
  });
});

describe('the one status', () => {
  const changes = { result: 'success', outputs: { test: 'false', container: 'true' } };
  const passed = { result: 'success' };
  const skipped = { result: 'skipped' };

  it('passes where every job has', () => {
    expect(faultsOf({ changes, check: passed, test: passed, container: passed })).toEqual([]);
  });

  it('passes where a job was skipped because nothing it looks at has changed', () => {
    expect(faultsOf({ changes, test: skipped, container: passed })).toEqual([]);
  });

  it.each(['failure', 'cancelled', ''])('fails where a job ended with %j', (result) => {
    expect(faultsOf({ changes, test: { result } })).toEqual([`test: ${result}`]);
  });

  it('fails where a job was skipped that should have run, or that always runs', () => {
    expect(faultsOf({ changes, container: skipped, check: skipped })).toEqual([
      'container: skipped',
      'check: skipped',
    ]);
  });

  it.each(['failure', 'cancelled', 'skipped'])('fails where what decides has ended with %s', (result) => {
    expect(faultsOf({ changes: { result, outputs: {} }, test: skipped })).toEqual([
      `changes: ${result}`,
      'test: skipped',
    ]);
  });

  it('fails where there is nothing to wait for', () => {
    expect(run('node', [join(DIST, 'gate.js')], { env: { NEEDS: '{}' } }).code).toBe(1);
  });

  it('says so by its exit code', () => {
    const gate = (needs: object) =>
      run('node', [join(DIST, 'gate.js')], { env: { NEEDS: JSON.stringify(needs) } });
    expect(gate({ changes, test: skipped })).toMatchObject({ code: 0 });
    expect(gate({ changes, test: { result: 'failure' } })).toMatchObject({
      code: 1,
      stderr: 'not passed: test: failure\n',
    });
  });
});
