import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tool } from '../../k8s/tests/support/tools.js';
import { faultsOfCommand } from './support/policies.js';
import { ENVIRONMENTS, git, IMAGE, MODEL, RELEASE, Remote, write } from './support/remote.js';
import { DIST, type Ended, type Environment, ROOT, run } from './support/run.js';
import { StandIns } from './support/stand-ins.js';
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
      'Load test',
      'Publish',
      'Retrain',
      'Stage release',
      'Stage model',
      'Promote',
    ]);
    expect(
      ['Check', 'Test', 'Manifests', 'Pipelines', 'Image'].flatMap((name) => commandsOf(stage(name))),
    ).toEqual([
      'npm run check',
      'npm test -- $REPORTERS --outputFile.junit=test-results/unit.xml',
      '.ci/manifests $REPORTERS --outputFile.junit=test-results/manifests.xml',
      '.ci/pipelines $REPORTERS --outputFile.junit=test-results/pipelines.xml',
      '.ci/container',
    ]);
    expect(commandsOf(stage('Load test'))).toEqual(['npm run loadtest:compare']);
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
    const publishing = /(release|build|tag|sign)-image|docker push/;
    const publishers = stages.filter((one) => commandsOf(one).some((command) => publishing.test(command)));
    expect(publishers.map(({ args }) => args[0])).toEqual(['Publish']);
  });

  it('has secrets only from the store of Jenkins, only where they are used', () => {
    const bindings = stages.filter((one) => all(one).some(({ name }) => name === 'withCredentials'));
    expect(bindings.map(({ args }) => args[0])).toEqual([
      'Publish',
      'Retrain',
      'Stage release',
      'Stage model',
      'Promote',
    ]);
    expect(source).not.toMatch(/\bcredentials\(|(password|secret|token)\s*=\s*['"]\w/i);
  });

  /** What Jenkins hands to a stage: the pipeline's environment, the stage's, and the credentials of the step. */
  function environmentOf(call: Call, given: Environment): Environment {
    const assigned = [child(pipeline, 'environment'), child(call, 'environment')].flatMap(
      (section) => section?.body ?? [],
    );
    // A GString, which Groovy's parser shows as it reads it, names one of the controller or a parameter.
    const text = (value: unknown): string =>
      typeof value === 'string'
        ? value
        : (given[/(?:env|params)\.(\w+)/.exec(textOf(value))?.[1] ?? ''] ?? '');
    const bound = all(call)
      .filter(({ name }) => name === 'withCredentials')
      .flatMap(({ args }) => args[0] as readonly Call[])
      .flatMap(({ args: [names] }) => Object.entries(names as Environment))
      .filter(([kind]) => /variable$/i.test(kind));
    return {
      ...Object.fromEntries(assigned.map(({ name, args }) => [name, text(args[0])])),
      ...Object.fromEntries(bound.map(([, name]) => [name, `the ${name}`])),
      ...Object.fromEntries(
        ['TAG_NAME', 'BRANCH_NAME'].flatMap((name) => (given[name] ? [[name, given[name]]] : [])),
      ),
    };
  }

  /** Runs a stage's commands with that, and nothing else, in a clone of a repository where Jenkins publishes 0.2.0. */
  function runStage(name: string, tools: StandIns, remote: Remote, given: Environment): Ended[] {
    const call = stage(name);
    if (call === undefined) throw new Error(`no stage ${name}`);
    const cwd = remote.clone();
    for (const part of ['.github/scripts', '.ci'])
      cpSync(join(ROOT, part), join(cwd, part), { recursive: true });
    cpSync(DIST, join(cwd, 'dist/.github/scripts'), { recursive: true });
    symlinkSync(join(ROOT, 'dist/service'), join(cwd, 'dist/service'));
    symlinkSync(join(ROOT, 'node_modules'), join(cwd, 'node_modules'));
    for (const slow of ['k8s/tests/tools/install', '.github/tests/tools/install', '.ci/container'])
      write(cwd, slow, '#!/bin/sh\n', 0o755);
    write(cwd, '.github/publisher', 'jenkins\n');
    cpSync(join(ROOT, '.github/tests/support/loop.py'), join(cwd, 'training/loop.py'));
    cpSync(join(ROOT, 'service/models/digits'), join(cwd, 'service/models/digits'), { recursive: true });
    write(cwd, 'package.json', '{ "type": "module", "version": "0.2.0" }\n');
    // A build of a tag has not fetched main.
    if (given['TAG_NAME'] !== undefined) git(cwd, 'update-ref', '-d', 'refs/remotes/origin/main');
    const env = environmentOf(call, given);
    const ended: Ended[] = [];
    for (const command of commandsOf(call)) {
      ended.push(run('bash', ['--norc', '-ec', command], { cwd, bin: tools.bin, env }));
      if (ended.at(-1)?.code !== 0) break;
    }
    return ended;
  }

  const CONTROLLER = {
    CV_INFERENCE_IMAGE: IMAGE,
    CV_INFERENCE_REPOSITORY: 'acme/vision',
    CV_INFERENCE_COSIGN_KEY: 'cosign.pub',
  };
  function standIns(): StandIns {
    const tools = new StandIns('docker', 'cosign', 'gh', 'aws', 'npm', 'trivy');
    const kustomize = tool('kustomize');
    if (kustomize !== undefined) symlinkSync(kustomize, join(tools.bin, 'kustomize'));
    return tools;
  }
  const faultsOf = (ended: readonly Ended[]): string[] =>
    ended.flatMap(({ code, stdout, stderr }) => (code === 0 ? [] : [`${code}: ${stdout}${stderr}`]));

  it.each(['Prepare', 'Check', 'Test', 'Manifests', 'Pipelines', 'Image', 'Scan', 'Load test'])(
    'runs stage %s with what that stage is given',
    (name) => {
      expect(
        faultsOf(runStage(name, standIns(), new Remote(), { ...CONTROLLER, BRANCH_NAME: 'PR-1' })),
      ).toEqual([]);
    },
  );

  it.skipIf(absent('kustomize'))(
    'publishes a tag, stages it and promotes it, each with what its stage is given',
    () => {
      const tools = standIns();
      const remote = new Remote();
      const tag = { ...CONTROLLER, TAG_NAME: 'v0.2.0' };
      expect(faultsOf(runStage('Publish', tools, remote, tag))).toEqual([]);
      expect(Object.keys(tools.all('tags')).filter((name) => !name.includes('build'))).toEqual([
        `${IMAGE}:0.2.0`,
        `${IMAGE}:0.2.0-cuda`,
        `${IMAGE}:0.2.0-dashboard`,
      ]);
      expect(tools.calls()).toContainEqual(expect.stringMatching(/^cosign sign --yes --key the COSIGN_KEY /));
      expect(tools.calls().filter((call) => /^gh (api|attestation)/.test(call))).toEqual([]);

      expect(faultsOf(runStage('Stage release', tools, remote, tag))).toEqual([]);
      expect(remote.show(RELEASE, 'stage/image')).toContain('newTag: 0.2.0\n');
      git(remote.path, 'update-ref', 'refs/heads/main', 'stage/image');
      const head = git(remote.path, 'rev-parse', 'main');

      const main = { ...CONTROLLER, BRANCH_NAME: 'main' };
      const model = { STAGE_MODEL_URI: 's3://bucket/m/', STAGE_MODEL_SHA256: '5e'.repeat(32) };
      expect(faultsOf(runStage('Stage model', tools, remote, { ...main, ...model }))).toEqual([]);
      expect(remote.show(MODEL, 'stage/model')).toContain('MODEL_URI=s3://bucket/m/\n');
      const production = { ...main, PROMOTE_ENVIRONMENT: 'production' };
      expect(faultsOf(runStage('Promote', tools, remote, production))).toEqual([]);
      expect(remote.show(ENVIRONMENTS, 'promote/production')).toContain(`revision: ${head} }`);
    },
  );

  it.skipIf(absent('kustomize'))('trains, and stages the model that has passed', () => {
    const remote = new Remote();
    const given = {
      ...CONTROLLER,
      BRANCH_NAME: 'main',
      RETRAIN_MODEL: 'digits',
      CV_INFERENCE_CAPTURE: 's3://bucket/captured',
      CV_INFERENCE_MODELS: 's3://bucket/models',
      CV_INFERENCE_MLFLOW: 'https://mlflow.test',
    };
    const ended = runStage('Retrain', standIns(), remote, given);
    expect([ended.length, faultsOf(ended)]).toEqual([2, []]);
    expect(remote.show(MODEL, 'stage/model')).toContain('MODEL_URI=s3://bucket/models/digits/2.0.0\n');
  });

  it('trains on main alone, by night or for a person, where there is something to train on', () => {
    const when = JSON.stringify(child(stage('Retrain'), 'when'));
    for (const condition of [
      'TimerTrigger',
      'RETRAIN_MODEL',
      'CV_INFERENCE_CAPTURE',
      'is-publisher jenkins',
    ]) {
      expect(when).toContain(condition);
    }
    expect(child(child(stage('Retrain'), 'when'), 'branch')?.args).toEqual(['main']);
  });
});
