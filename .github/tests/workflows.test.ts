import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tool } from '../../k8s/tests/support/tools.js';
import { AREAS } from '../scripts/changes.js';
import { emptyFolder } from './support/folder.js';
import * as policies from './support/policies.js';
import { ROOT, run } from './support/run.js';
import { absent } from './support/tools.js';
import { ACTIONS, WORKFLOWS, type Workflow, workflowNamed, workflowOf } from './support/workflows.js';

const ALL = [...WORKFLOWS, ...ACTIONS];
const SHA = 'a'.repeat(40);
const expression = (text: string): string => `\${{ ${text} }}`;

/** A workflow as it should be, with one thing written in. */
function workflow(changes: {
  readonly on?: string;
  readonly permissions?: string;
  readonly job?: string;
  readonly step?: string;
  readonly top?: string;
}): Workflow {
  const {
    on = 'push',
    permissions = '{}',
    job = '',
    step = 'run: .ci/manifests',
    top = 'defaults: { run: { shell: bash } }',
  } = changes;
  return workflowOf(
    'broken.yml',
    `on: { ${on}: }
permissions: ${permissions}
${top}
jobs:
  one:
    ${job || 'timeout-minutes: 5\n    permissions:\n      contents: read'}
    steps:
      - ${step}
`,
  );
}
const ofJob = (lines: string): Workflow => workflow({ job: `timeout-minutes: 5\n    ${lines}` });

/** Each promise, and workflows that break it, each in one way. */
const POLICIES: readonly {
  readonly promise: string;
  readonly policy: policies.Policy;
  readonly broken: readonly Workflow[];
}[] = [
  {
    promise: 'only calls scripts',
    policy: policies.onlyCallsScripts,
    broken: [
      workflow({ step: 'run: |\n          one\n          two' }),
      workflow({ step: 'run: one | two' }),
      workflow({ step: 'run: one && two' }),
      workflow({ step: 'run: if true' }),
    ],
  },
  {
    promise: 'sees failures in pipes',
    policy: policies.failsInPipes,
    broken: [workflow({ top: '' }), workflow({ step: 'run: x\n        shell: sh' })],
  },
  {
    promise: 'ends every job in time',
    policy: policies.endsInTime,
    broken: [
      workflow({ job: 'permissions:\n      contents: read' }),
      workflow({ job: 'timeout-minutes: 360' }),
    ],
  },
  {
    promise: 'holds no long-lived cloud keys',
    policy: policies.holdsNoCloudKeys,
    broken: [
      workflow({ step: 'run: x\n        env: { AWS_SECRET_ACCESS_KEY: x }' }),
      workflow({ step: `uses: a/b@${SHA} # v1\n        with: { aws-access-key-id: x }` }),
      workflow({ step: `run: x\n        env: { KEY: "${expression('secrets.AWS_KEY')}" }` }),
      workflow({ step: `uses: a/b@${SHA} # v1\n        with: { credentials_json: x }` }),
    ],
  },
  {
    promise: 'cancels outdated runs of pull requests, and no others',
    policy: policies.cancelsPullRequestsOnly,
    broken: [
      workflow({}),
      workflow({ top: 'concurrency: { group: x, cancel-in-progress: true }' }),
      workflow({ on: 'pull_request', top: 'concurrency: { group: x }' }),
      workflow({ top: `concurrency: { group: x, cancel-in-progress: '${expression('true')}' }` }),
    ],
  },
  {
    promise: 'calls what exists and can be run',
    policy: policies.callsWhatExists,
    broken: [
      workflow({ step: 'run: .github/scripts/no-such-script' }),
      workflow({ step: 'run: node dist/.github/scripts/no-such-script.js' }),
      workflow({ step: 'run: npm run no-such-script' }),
      workflow({ step: 'run: .github/scripts/gate' }),
      workflow({ step: 'uses: ./.github/actions/no-such-action' }),
    ],
  },
  {
    promise: 'gives every script what it demands',
    policy: policies.givesWhatScriptsDemand,
    broken: [
      workflow({ step: 'run: .github/scripts/sign-image\n        env: { IMAGE: x }' }),
      workflow({
        step: 'run: .github/scripts/as-bot .github/scripts/promote x\n        env: { GH_TOKEN: x }',
      }),
    ],
  },
  {
    promise: 'builds before it runs what is built',
    policy: policies.buildsBeforeItRuns,
    broken: [
      workflow({ step: 'run: node dist/.github/scripts/promoted.js' }),
      workflow({ step: 'run: .github/scripts/verify-image' }),
      workflow({ step: 'run: .github/scripts/as-bot .github/scripts/promote' }),
    ],
  },
];

describe.each(POLICIES)('$promise', ({ policy, broken }) => {
  it.each(ALL.map((one) => [one.file, one] as const))('%s', (_, one) => {
    expect(policy(one)).toEqual([]);
  });

  it.each(broken.map((one, index) => [index + 1, one] as const))(
    'and would refuse broken workflow %i',
    (_, one) => {
      expect(policy(one)).not.toEqual([]);
    },
  );
});

it('there are workflows to look at', () => {
  expect(WORKFLOWS.map(({ file }) => file.split('/').at(-1))).toEqual(
    expect.arrayContaining(['ci.yml', 'release.yml', 'promote.yml', 'promotion-check.yml', 'debug.yml']),
  );
});

it('pins one action to one commit everywhere', () => {
  const pins = new Map<string, Set<string>>();
  for (const { text } of ALL) {
    for (const [, action = '', pin = ''] of text.matchAll(/uses: ([\w.-]+\/[\w.-]+)[\w./-]*@(.*)$/gm)) {
      pins.set(action, (pins.get(action) ?? new Set()).add(pin));
    }
  }
  expect(pins.size).toBeGreaterThan(10);
  expect([...pins].filter(([, commits]) => commits.size > 1)).toEqual([]);
});

describe('ci.yml', () => {
  const { jobs } = workflowNamed('ci');
  const { changes, ci, ...others } = jobs;

  it('has one status that waits for every other job, whatever becomes of them', () => {
    expect([ci?.needs].flat().sort()).toEqual(['changes', ...Object.keys(others)].sort());
    expect(ci?.if).toBe('always()');
  });

  it('asks for each area whether it was touched, and skips a job for no other reason', () => {
    const conditional = Object.entries(others).filter(([, job]) => job.if !== undefined);
    expect(conditional.map(([id]) => id).sort()).toEqual(Object.keys(AREAS).sort());
    for (const [id, job] of conditional) {
      expect(job).toMatchObject({ if: `needs.changes.outputs.${id} == 'true'`, needs: 'changes' });
      expect(changes?.outputs?.[id]).toBe(`\${{ steps.changes.outputs.${id} }}`);
    }
  });

  it('tests the oldest Node that package.json names, and the one that .ci/run adds', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const second = /^second_node=(\d+)$/m.exec(readFileSync(join(ROOT, '.ci/run'), 'utf8'))?.[1];
    const { matrix } = (jobs['test'] as unknown as { strategy: { matrix: { node: string[] } } }).strategy;
    expect(engines.node).toBe(`>=${matrix.node[0]}.0`);
    expect(matrix.node).toContain(second);
  });
});

it('release.yml signs in no job that runs code of dependencies', () => {
  const signing = Object.entries(workflowNamed('release').jobs).filter(
    ([, { permissions }]) => (permissions as Record<string, string>)['id-token'] === 'write',
  );
  expect(signing.map(([id]) => id)).toEqual(['publish', 'ecr', 'model']);
  const runsDependencies = /npm|npx|\.github\/actions\/setup|docker build|build-image|\.ci\//;
  expect(signing.filter(([, { steps }]) => runsDependencies.test(JSON.stringify(steps)))).toEqual([]);
});

it('the name of the image is said in one way', () => {
  const names = WORKFLOWS.flatMap(({ env }) => env['IMAGE'] ?? []);
  expect([names.length, new Set(names).size]).toEqual([4, 1]);
  expect(WORKFLOWS.flatMap(({ text }) => text.match(/vars\.IMAGE\b/g) ?? [])).toHaveLength(names.length);
});

it('debug.yml may read the code, and has no secrets', () => {
  const { permissions, jobs, text } = workflowNamed('debug');
  expect([permissions, jobs['debug']?.permissions]).toEqual([{}, { contents: 'read' }]);
  expect(text).not.toMatch(/secrets\.\w|github\.token/i);
});

it('no push starts a promotion, so that none can start itself', () => {
  const events = ['promote', 'stage'].map((name) => Object.keys(workflowNamed(name).on).sort());
  expect(events).toEqual([['workflow_dispatch'], ['workflow_call', 'workflow_dispatch']]);
});

it('a commit to production waits for reviewers, of whom there must be some, and nothing else writes to main for it', () => {
  const { jobs } = workflowNamed('promote');
  const environments = Object.entries(jobs).map(([id, { environment }]) => [id, environment]);
  expect(Object.fromEntries(environments)).toEqual({
    verify: 'staging',
    commit: `${expression('inputs.environment')}-approval`,
  });
  const delivering = (id: string): unknown =>
    jobs[id]?.steps?.find(({ run: command }) => command?.includes('scripts/promote '))?.env?.['DELIVERY'];
  expect([delivering('commit'), delivering('pull-request'), delivering('verify')]).toEqual([
    'commit',
    undefined,
    undefined,
  ]);
  expect(jobs['verify']?.permissions).not.toHaveProperty('contents', 'write');
  expect(jobs['commit']?.needs).toBe('verify');
  const demands = jobs['verify']?.steps?.find(({ run: command }) => command?.includes('demand-approval'));
  expect(demands).toMatchObject({
    if: "inputs.delivery == 'commit'",
    run: expect.stringContaining('-approval"'),
  });
});

it('promotion-check looks where environments and releases are written', () => {
  expect(workflowNamed('promotion-check').on['push']).toEqual({
    branches: ['main'],
    paths: ['k8s/release/**', 'argocd/environments.yaml'],
  });
});

describe.skipIf(absent('actionlint', 'shellcheck'))('actionlint', () => {
  const lint = (input: string) =>
    run(tool('actionlint') ?? '', ['-shellcheck', tool('shellcheck') ?? '', '-'], { input });

  it('finds nothing in the workflows', () => {
    const files = WORKFLOWS.map(({ file }) => file);
    const { code, stdout } = run(tool('actionlint') ?? '', [
      '-shellcheck',
      tool('shellcheck') ?? '',
      ...files,
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });

  it('would find a name that does not exist, and a fault in a script', () => {
    const job = (step: string): string =>
      `on: push\njobs:\n  one:\n    runs-on: ubuntu-24.04\n    steps:\n      - ${step}\n`;
    expect(lint(job(`run: echo ${expression('needs.other.result')}`)).stdout).toMatch(/other/);
    expect(lint(job("run: 'echo $unquoted'")).stdout).toMatch(/SC2086/);
    expect(lint(job('run: true'))).toMatchObject({ code: 0 });
  });
});

describe.skipIf(absent('zizmor'))('zizmor', () => {
  const audit = (...args: readonly string[]) =>
    run(tool('zizmor') ?? '', ['--offline', '--no-progress', '--persona=pedantic', ...args]);

  it('finds nothing to attack in the workflows', () => {
    const { code, stdout } = audit('.github');
    expect({ code, stdout: code === 0 ? '' : stdout }).toEqual({ code: 0, stdout: '' });
  });

  it.each<[string, Workflow]>([
    ['unpinned-uses', workflow({ step: 'uses: actions/checkout@v7' })],
    ['excessive-permissions', workflow({ permissions: 'write-all' })],
    ['undocumented-permissions', ofJob('permissions:\n      packages: write')],
    ['template-injection', workflow({ step: `run: echo ${expression('inputs.version')}` })],
    ['artipacked', workflow({ step: `uses: actions/checkout@${SHA} # v7` })],
    ['dangerous-triggers', workflow({ on: 'pull_request_target' })],
  ])('would find %s', (finding, { text }) => {
    const folder = join(emptyFolder(), '.github/workflows');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'unsafe.yml'), text.replace('    steps:', '    runs-on: x\n    steps:'));
    expect(audit(folder).stdout).toContain(`[${finding}]`);
  });
});
