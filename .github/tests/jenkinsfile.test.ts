import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { faultsOfCommand } from './support/policies.js';
import { ROOT, run } from './support/run.js';
import { absent, GROOVY_JAR } from './support/tools.js';

interface Call {
  readonly name: string;
  readonly line: number;
  readonly args: readonly unknown[];
  readonly body?: readonly Call[];
  readonly assigned?: boolean;
}

/** What may stand in a section of a declarative pipeline: https://www.jenkins.io/doc/book/pipeline/syntax. */
const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  pipeline: ['agent', 'options', 'triggers', 'parameters', 'environment', 'tools', 'stages', 'post'],
  stages: ['stage'],
  stage: ['agent', 'options', 'environment', 'tools', 'input', 'when', 'steps', 'stages', 'parallel', 'post'],
  parallel: ['stage'],
  post: [
    'always',
    'changed',
    'fixed',
    'regression',
    'aborted',
    'failure',
    'success',
    'unstable',
    'unsuccessful',
    'cleanup',
  ],
  triggers: ['cron', 'pollSCM', 'upstream', 'githubPush'],
  parameters: ['string', 'text', 'booleanParam', 'choice', 'password'],
};
const DEMANDED: Readonly<Record<string, readonly string[]>> = {
  pipeline: ['agent', 'stages'],
  stages: ['stage'],
  stage: [],
};
const ONE_OF_A_STAGE = ['steps', 'stages', 'parallel'];

function read(text: string): Call[] {
  const reader = join(ROOT, '.github/tests/support/read-jenkinsfile.groovy');
  const { code, stdout, stderr } = run('java', ['-cp', GROOVY_JAR, 'groovy.ui.GroovyMain', reader], {
    input: text,
  });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** What Jenkins would refuse of the shape, as far as the table above goes. */
function faultsOfSection({ name, line, body = [], args }: Call): string[] {
  const allowed = SECTIONS[name];
  if (allowed === undefined) return [];
  const names = body.map((call) => call.name);
  return [
    ...body
      .filter((call) => !allowed.includes(call.name))
      .map((call) => `${call.line}: ${call.name} in ${name}`),
    ...names
      .filter((one, at) => one !== 'stage' && name !== 'parameters' && names.indexOf(one) < at)
      .map((one) => `${line}: two ${one}`),
    ...(DEMANDED[name] ?? [])
      .filter((one) => !names.includes(one))
      .map((one) => `${line}: ${name} without ${one}`),
    ...(name === 'stage' && names.filter((one) => ONE_OF_A_STAGE.includes(one)).length !== 1
      ? [`${line}: stage without steps`]
      : []),
    ...(name === 'stage' && typeof args[0] !== 'string' ? [`${line}: stage without a name`] : []),
    ...body.flatMap(faultsOfSection),
  ];
}

function faultsOfPipeline(calls: readonly Call[]): string[] {
  if (calls.length !== 1 || calls[0]?.name !== 'pipeline') return ['not one pipeline'];
  return faultsOfSection(calls[0]);
}

const child = (call: Call | undefined, name: string): Call | undefined =>
  call?.body?.find((one) => one.name === name);
const all = (call: Call): Call[] => [call, ...(call.body ?? []).flatMap(all)];
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : ((value as { text?: string })?.text ?? '');

describe.skipIf(absent('groovy', 'java'))('the Jenkinsfile', () => {
  const source = readFileSync(join(ROOT, 'Jenkinsfile'), 'utf8');
  let pipeline: Call;
  let stages: readonly Call[];
  beforeAll(() => {
    const calls = read(source);
    expect(faultsOfPipeline(calls)).toEqual([]);
    pipeline = calls[0] as Call;
    stages = child(pipeline, 'stages')?.body ?? [];
  });
  const stage = (name: string): Call | undefined => stages.find(({ args }) => args[0] === name);
  const commandsOf = (call: Call | undefined): string[] =>
    (call === undefined ? [] : all(call))
      .filter(({ name }) => name === 'sh')
      .map(({ args }) => textOf(args[0]));

  it.each([
    ['what is no Groovy', 'pipeline { agent any stages { stage("a" { steps { sh "x" } } } }'],
    ['what is no pipeline', 'node { sh "x" }'],
    [
      'a section that does not exist',
      'pipeline { agent any; step { } ; stages { stage("a") { steps { sh "x" } } } }',
    ],
    ['a stage without steps', 'pipeline { agent any; stages { stage("a") { options { timestamps() } } } }'],
    ['a pipeline without an agent', 'pipeline { stages { stage("a") { steps { sh "x" } } } }'],
    ['two of one section', 'pipeline { agent any; agent any; stages { stage("a") { steps { sh "x" } } } }'],
    ['stages without a stage', 'pipeline { agent any; stages { } }'],
  ])('would be refused for %s', (_, text) => {
    const faults = (): string[] => {
      try {
        return faultsOfPipeline(read(text));
      } catch (error) {
        return [String(error)];
      }
    };
    expect(faults()).not.toEqual([]);
  });

  it('runs what the workflows run, in this order', () => {
    expect(stages.map(({ args }) => args[0])).toEqual([
      'Prepare',
      'Check',
      'Test',
      'Manifests',
      'Pipelines',
      'Image',
      'Scan',
      'Publish',
      'Promote',
    ]);
    expect(
      ['Check', 'Test', 'Manifests', 'Pipelines', 'Image'].flatMap((name) => commandsOf(stage(name))),
    ).toEqual(['npm run check', 'npm test', '.ci/manifests', '.ci/pipelines', '.ci/container']);
  });

  it('calls what exists, and hides no failure in a pipe', () => {
    const commands = commandsOf(pipeline);
    expect(commands.length).toBeGreaterThan(10);
    expect(commands.flatMap(faultsOfCommand)).toEqual([]);
    expect(commands.filter((command) => /[|;\n]/.test(command))).toEqual([]);
  });

  it('writes nothing that others say into a command: that goes by the environment', () => {
    const interpolating = all(pipeline).filter(
      ({ name, args }) =>
        name === 'sh' && args.some((arg) => typeof arg === 'object' && 'text' in (arg as object)),
    );
    expect(interpolating).toEqual([]);
    const [broken] = read(
      `pipeline { agent any; stages { stage("a") { steps { sh "echo \${params.X}" } } } }`,
    );
    expect(all(broken as Call).find(({ name }) => name === 'sh')?.args).toEqual([
      { text: expect.stringContaining('params') },
    ]);
  });

  it('ends in time, as a whole and in each stage', () => {
    const limits = [pipeline, ...stages].map((call) => child(child(call, 'options'), 'timeout'));
    expect(limits).toHaveLength(stages.length + 1);
    expect(limits.filter((limit) => limit === undefined)).toEqual([]);
  });

  it('runs once at a time, by webhook and by night', () => {
    expect(child(child(pipeline, 'options'), 'disableConcurrentBuilds')).toBeDefined();
    expect(child(pipeline, 'triggers')?.body?.map(({ name }) => name)).toEqual(['githubPush', 'cron']);
  });

  it('publishes only tags, and only where this commit says that Jenkins does', () => {
    const when = all(child(stage('Publish'), 'when') as Call);
    expect(when.map(({ name }) => name)).toContain('buildingTag');
    expect(JSON.stringify(when)).toContain('.github/scripts/is-publisher jenkins');
    const publishing = /login-registry|release-image|build-image|publish-image|docker push/;
    const publishers = stages.filter((one) => commandsOf(one).some((command) => publishing.test(command)));
    expect(publishers.map(({ args }) => args[0])).toEqual(['Publish', 'Promote']);
    expect(
      commandsOf(stage('Promote')).filter((command) =>
        /release-image|build-image|publish-image/.test(command),
      ),
    ).toEqual([]);
  });

  it('has secrets only from the store of Jenkins, only where they are used', () => {
    const bindings = stages.filter((one) => all(one).some(({ name }) => name === 'withCredentials'));
    expect(bindings.map(({ args }) => args[0])).toEqual(['Publish', 'Promote']);
    expect(source).not.toMatch(/\bcredentials\(|(password|secret|token)\s*=\s*['"]\w/i);
  });
});
