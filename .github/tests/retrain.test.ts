import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { callsOf, fakeTool } from './support/fake-tools.js';
import { emptyFolder } from './support/folder.js';
import { type Ended, type Environment, outputsOf, ROOT, run } from './support/run.js';
import { workflowNamed } from './support/workflows.js';

const SETTINGS = {
  MODEL: 'digits',
  CAPTURE_URI: 's3://bucket/captured',
  MODEL_PREFIX: 's3://bucket/models',
  MLFLOW_TRACKING_URI: 'https://mlflow.test',
  CAUSE: 'repository_dispatch',
};
const OPTIONS = '--source s3://bucket/captured --champion models:/digits@champion --model digits';
const URI = 's3://bucket/models/digits/2.0.0';
const MODEL = 'service/models/digits';
const { sha256: SHA256 } = JSON.parse(readFileSync(join(ROOT, MODEL, 'model.json'), 'utf8'));
const STAGES = 'ingest validate train evaluate record reference';

describe('retrain', () => {
  let folder: string;
  let bin: string;
  beforeEach(() => {
    folder = emptyFolder();
    bin = emptyFolder();
    cpSync(join(ROOT, '.github/scripts'), join(folder, '.github/scripts'), { recursive: true });
    cpSync(join(import.meta.dirname, 'support/loop.py'), join(folder, 'training/loop.py'));
    cpSync(join(ROOT, MODEL), join(folder, MODEL), { recursive: true });
    symlinkSync(join(ROOT, 'dist'), join(folder, 'dist'));
    fakeTool(bin, 'aws', [{ call: /^aws s3api put-object / }]);
  });

  const retrain = (changes: Environment = {}): Ended =>
    run(join(folder, '.github/scripts/retrain'), [], {
      bin,
      env: {
        ...SETTINGS,
        CALLS: join(folder, 'calls'),
        GITHUB_OUTPUT: join(folder, 'output'),
        GITHUB_STEP_SUMMARY: join(folder, 'summary'),
        ...changes,
      },
    });
  const shippedGolden = (): string[] =>
    readdirSync(join(ROOT, MODEL, 'golden'))
      .sort()
      .map((file) => `golden/${file}`);
  const written = (file: string): string => readFileSync(join(folder, file), 'utf8');

  it('runs the stages, copies what has passed, and hands it on with its verdict', () => {
    const ended = retrain();
    expect(ended).toMatchObject({ code: 0 });
    expect(written('calls')).toBe(`${STAGES} ${OPTIONS} --work WORK\nregister ${OPTIONS} --work WORK\n`);
    const files = callsOf(bin).map((call) => / --key models\/digits\/2\.0\.0\/(\S+)/.exec(call)?.[1]);
    expect(files).toEqual([...shippedGolden(), 'model.onnx', 'model.json']);
    expect(outputsOf(ended)).toMatchObject({ model_uri: URI, model_sha256: SHA256 });
    expect(written('output')).toMatch(/^details<<(\w+)\n# Verdict\nby 1 %\n\n\1\n/m);
    expect(written('summary')).toBe('# Verdict\nby 1 %\n');
  });

  it('has the service count the reference, of pictures that it is given, before the version is registered', () => {
    expect(retrain()).toMatchObject({ code: 0 });
    const { reference, version } = JSON.parse(written('training/work/challenger/model.json'));
    expect([version, reference.images]).toEqual(['2.0.0', shippedGolden().length - 1]);
    expect(Object.keys(reference.features)).toContain('brightness');
  });

  it('counts it by the settings that the service has by default, whatever is set where it trains', () => {
    expect(retrain({ PORT: 'none', MLFLOW_TRACKING_TOKEN: 'two words' })).toMatchObject({ code: 0 });
  });

  it('counts on where a picture cannot be answered', () => {
    writeFileSync(join(folder, MODEL, 'golden/no-picture.png'), 'no picture');
    expect(retrain()).toMatchObject({ code: 0 });
    const { reference } = JSON.parse(written('training/work/challenger/model.json'));
    expect(reference.images).toBe(shippedGolden().length - 1);
  });

  it('registers nothing that the service cannot serve', () => {
    writeFileSync(join(folder, MODEL, 'model.onnx'), 'weights');
    const ended = retrain();
    expect([ended.code, outputsOf(ended), callsOf(bin)]).toEqual([1, {}, []]);
    expect(written('calls')).not.toContain('register');
  });

  it('registers nothing where the bucket has another model of its name', () => {
    fakeTool(bin, 'aws', [
      { call: /^aws s3api put-object /, code: 254 },
      { call: /^aws s3api head-object /, stdout: 'the digest of another\n' },
    ]);
    const ended = retrain({ CAUSE: 'schedule' });
    expect([ended.code, outputsOf(ended), existsSync(join(folder, 'training/work/uri'))]).toEqual([
      1,
      {},
      false,
    ]);
    expect(ended.stdout).toContain('is there already, and is another file');
    expect(written('calls')).not.toContain('register');
  });

  it('trains nothing where the service is not built, and says so', () => {
    rmSync(join(folder, 'dist'));
    expect(retrain()).toMatchObject({
      code: 2,
      stderr: "the service is not built, which counts the model's reference: npm ci && npm run build\n",
    });
    expect(() => written('calls')).toThrow();
  });

  const onKubeflow = (changes: Environment = {}): Ended => {
    cpSync(join(import.meta.dirname, 'support/submit.py'), join(folder, 'training/kubeflow/submit.py'));
    return retrain({ KFP_HOST: 'https://kubeflow.test', ...changes });
  };

  it('has Kubeflow run them where it is told to, and fetches what that run has made', () => {
    expect(onKubeflow()).toMatchObject({ code: 0 });
    const [, submission] = /--submission ([0-9a-f]{32}) /.exec(written('calls')) ?? [];
    expect(written('calls').split('\n')).toEqual([
      `submit --host https://kubeflow.test --submission ${submission} ${OPTIONS}`,
      `fetch ingest validate reference --submission ${submission} ${OPTIONS} --work WORK`,
      `register ${OPTIONS} --work WORK`,
      '',
    ]);
  });

  it('names each of its runs on Kubeflow by another name', () => {
    onKubeflow({ ENDS: 'bad data' });
    onKubeflow({ ENDS: 'bad data' });
    const names = [...written('calls').matchAll(/--submission (\w+)/g)].map(([, name]) => name);
    expect([names.length, new Set(names).size]).toEqual([4, 2]);
  });

  it.each([
    ['repository_dispatch', 1],
    ['schedule', 0],
  ])('says what a stage has refused on Kubeflow, started by %s', (CAUSE, code) => {
    const ended = onKubeflow({ ENDS: 'the challenger is no better', CAUSE });
    const warning = '::warning title=Refused::digits: the challenger is no better\n';
    expect(ended).toMatchObject({ code, stdout: expect.stringContaining(warning) });
    expect([outputsOf(ended), callsOf(bin)]).toEqual([{}, []]);
    expect(written('calls')).not.toContain('register');
    expect(written('summary')).toContain('# Verdict');
  });

  it('fails by night too where Kubeflow has failed', () => {
    const ended = onKubeflow({ ENDS: 'FAILED', CAUSE: 'schedule' });
    expect([ended.code, outputsOf(ended)]).toEqual([1, {}]);
    expect(written('calls')).not.toContain('register');
  });

  it('has the image run them where there is one, with what they need and nothing else of the machine', () => {
    fakeTool(bin, 'docker', [{ call: /^docker run /, code: 125 }]);
    expect(retrain({ TRAINING_IMAGE: 'registry.test/it-training:1', CAUSE: 'x' }).code).toBe(125);
    expect(callsOf(bin)).toEqual([
      expect.stringMatching(
        /^docker run --rm --user \d+:\d+ --volume (\S+\/training\/work):\1 (--env=[\w/=]+ )+--entrypoint \/opt\/training\/bin\/python registry\.test\/it-training:1 \/app\/training\/loop\.py ingest validate train evaluate record reference --source .* --work \1$/,
      ),
    ]);
  });

  it.each(['bad data', 'the challenger is no better'])(
    'fails where a stage refuses (%s): the drift is not mended, and nothing is copied',
    (reason) => {
      const ended = retrain({ ENDS: reason });
      expect(ended).toMatchObject({
        code: 1,
        stdout: expect.stringContaining(`::warning title=Refused::digits: ${reason}\n`),
      });
      expect([outputsOf(ended), callsOf(bin)]).toEqual([{}, []]);
    },
  );

  it('does not fail by night where a stage refuses', () => {
    const ended = retrain({ ENDS: 'the challenger is no better', CAUSE: 'schedule' });
    expect([ended.code, outputsOf(ended)]).toEqual([0, {}]);
    expect(written('summary')).toContain('# Verdict');
  });

  it('fails by night too where a stage breaks', () => {
    expect(retrain({ ENDS: 'broken', CAUSE: 'schedule' }).code).toBe(1);
  });

  it.each(['', '$(id)', 'a b', '--work=/', '../digits', 'x'.repeat(101)])(
    'takes %j for no model',
    (model) => {
      expect(retrain({ MODEL: model }).code).not.toBe(0);
      expect(() => written('calls')).toThrow();
    },
  );

  it('leaves to stage-trained what has passed, and nothing where nothing has', () => {
    const script = '.github/scripts/stage-trained';
    writeFileSync(
      join(folder, '.github/scripts/stage'),
      '#!/bin/sh\necho "$MODEL_URI $MODEL_SHA256 $DETAILS"\n',
    );
    retrain({ ENDS: 'the challenger is no better' });
    expect(run(join(folder, script), [])).toMatchObject({
      code: 0,
      stdout: 'no version has passed: nothing to stage\n',
    });
    retrain();
    expect(run(join(folder, script), [])).toMatchObject({
      code: 0,
      stdout: `${URI} ${SHA256} # Verdict\nby 1 %\n`,
    });
  });
});

describe('demand-first-delivery', () => {
  const THIS = { id: 20, display_title: 'retrain digits d-1', conclusion: null };
  const runsBefore = (...runs: object[]): object[] => [THIS, ...runs.map((each) => ({ ...THIS, ...each }))];
  const demand = (runs: readonly object[], env: Environment = {}): { ended: Ended; cancels: string[] } => {
    const bin = emptyFolder();
    writeFileSync(join(bin, 'runs.json'), JSON.stringify({ workflow_runs: runs }));
    fakeTool(bin, 'gh', [
      {
        call: /^gh api repos\/us\/it\/actions\/workflows\/retrain\.yml\/runs\?event=repository_dispatch&/,
        does: `jq -r "$4" ${join(bin, 'runs.json')}`,
      },
      { call: /^gh run cancel 20 --repo us\/it$/ },
    ]);
    const ended = run(join(ROOT, '.github/scripts/demand-first-delivery'), [], {
      bin,
      env: {
        MODEL: 'digits',
        DECISION: 'd-1',
        RUN_ID: '20',
        REPOSITORY: 'us/it',
        GH_TOKEN: 'token',
        CANCEL_S: '0',
        ...env,
      },
    });
    return { ended, cancels: callsOf(bin).filter((call) => call.startsWith('gh run')) };
  };

  it.each([
    ['the only one', []],
    ['of another decision', [{ id: 10, display_title: 'retrain digits d-2', conclusion: 'success' }]],
    ['of another model', [{ id: 10, display_title: 'retrain digit-finder d-1', conclusion: 'success' }]],
    ['the first of two', [{ id: 30 }]],
    ['after one that was cancelled while it waited', [{ id: 10, conclusion: 'cancelled' }]],
  ])('lets a run go on that is %s', (_, others) => {
    const { ended, cancels } = demand(runsBefore(...others));
    expect([ended.code, cancels], ended.stderr).toEqual([0, []]);
  });

  it.each(['success', 'failure', null])(
    'has a run cancelled whose decision came before (%s), and lets nothing after it run',
    (conclusion) => {
      const { ended, cancels } = demand(runsBefore({ id: 10, conclusion }, { id: 9, conclusion }));
      expect(ended.stdout).toContain('::notice title=Delivered before::run 10 ');
      expect([ended.code, cancels]).toEqual([1, ['gh run cancel 20 --repo us/it']]);
    },
  );

  it('has nothing to ask where nothing was decided', () => {
    const { ended, cancels } = demand([], { DECISION: '' });
    expect([ended.code, cancels]).toEqual([0, []]);
  });

  it.each(['$(id)', '"', "') | .id)"])('takes a decision of %j for a name like any other', (decision) => {
    const earlier = { id: 10, display_title: `retrain digits ${decision}`, conclusion: 'success' };
    expect(demand(runsBefore(earlier), { DECISION: decision }).cancels).toHaveLength(1);
    expect(demand(runsBefore(), { DECISION: decision }).ended.code).toBe(0);
  });

  it('does not go on where GitHub does not say what came before', () => {
    const { ended, cancels } = demand([], { REPOSITORY: 'them/it' });
    expect([ended.code, cancels]).toEqual([97, []]);
  });
});

describe('the image for training', () => {
  const IMAGE = 'registry.test/it';
  const trees = run('git', ['rev-parse', 'HEAD:training', 'HEAD:service/models/digits']).stdout;
  const name = `${IMAGE}-training:content-${createHash('sha256').update(trees).digest('hex').slice(0, 12)}`;
  const build = (env: Environment, isThere: boolean): { ended: Ended; bin: string } => {
    const bin = emptyFolder();
    fakeTool(bin, 'docker', [
      { call: /imagetools inspect/, code: isThere ? 0 : 1 },
      { call: /^docker buildx build --file training\/Dockerfile / },
    ]);
    const script = join(ROOT, '.github/scripts/build-training-image');
    return { ended: run(script, [], { bin, env: { IMAGE, ...env } }), bin };
  };

  it('is built and pushed under the name of what is in it', () => {
    const { ended, bin } = build({}, false);
    expect([ended.code, outputsOf(ended)]).toEqual([0, { image: name }]);
    expect(callsOf(bin).at(-1)).toBe(`docker buildx build --file training/Dockerfile --push --tag ${name} .`);
  });

  it('is not built again where it is there', () => {
    const { ended, bin } = build({}, true);
    expect([ended.code, outputsOf(ended)]).toEqual([0, { image: name }]);
    expect(callsOf(bin)).toEqual([`docker buildx imagetools inspect ${name}`]);
  });

  it('is checked, not pushed, for a pull request', () => {
    const { check, image } = workflowNamed('training-image').jobs;
    expect(check?.steps?.map(({ run }) => run)).toContain('.ci/training-image');
    expect(image?.if).toBe("github.event_name != 'pull_request'");
  });

  it('is looked at for changes of training/ alone, and on main', () => {
    const { on } = workflowNamed('training-image');
    expect(on['push']).toEqual({ branches: ['main'], paths: ['training/**'] });
    expect((on['pull_request'] as { paths: string[] }).paths).toContain('training/**');
  });
});

describe('retrain.yml', () => {
  const { on, text, concurrency, jobs } = workflowNamed('retrain');
  const bridge = readFileSync(join(ROOT, 'bridge/github.ts'), 'utf8');

  it('is started by the event that the bridge sends, by new data, at two, and by hand', () => {
    const [, event] = /EVENT_TYPE = '([^']+)'/.exec(bridge) ?? [];
    expect(on['repository_dispatch']).toEqual({ types: [event, 'new-data-arrived'] });
    expect(on['schedule']).toEqual([{ cron: '0 2 * * *' }]);
    expect(Object.keys(on).sort()).toEqual(['repository_dispatch', 'schedule', 'workflow_dispatch']);
    expect(bridge).toContain("WORKFLOW = 'retrain.yml'");
  });

  it('names its runs such that the bridge knows their model and their cause', () => {
    const [, name = ''] = /^run-name: (.*)$/m.exec(text) ?? [];
    const filled = name.replaceAll(/\$\{\{.*?\}\}/g, 'x');
    const [, pattern = ''] = /\/(\^retrain .*\$)\//.exec(bridge) ?? [];
    expect(filled).toMatch(new RegExp(pattern));
    const [model, cause] = [...name.matchAll(/\$\{\{(.*?)\}\}/g)].map(([, expression]) => expression);
    expect(model).toContain('github.event.client_payload.model');
    expect(cause).toContain('github.event.client_payload.decision');
  });

  it('trains one at a time for each model, and cancels none', () => {
    expect(concurrency?.group).toMatch(
      /^retrain-\$\{\{ github\.event\.client_payload\.model \|\| inputs\.model /,
    );
    expect(concurrency?.['cancel-in-progress']).toBe(false);
  });

  it('hands what a dispatch says to scripts by their environment alone', () => {
    const lines = text.split('\n').filter((line) => line.includes('client_payload'));
    expect(lines.map((line) => line.trim().split(':')[0]).sort()).toEqual([
      'DECISION',
      'MODEL',
      'MODEL',
      'group',
      'run-name',
    ]);
  });

  it('does nothing before it knows that its decision was not delivered before', () => {
    const { once, ...others } = jobs;
    expect(once?.steps?.map(({ run }) => run)).toContain('.github/scripts/demand-first-delivery');
    for (const { needs } of Object.values(others))
      expect([needs].flat()).toEqual([
        expect.stringMatching(/^(once|image|train)$/),
        ...[needs].flat().slice(1),
      ]);
    expect(others['image']?.needs).toBe('once');
  });

  it('stages nothing that has not passed, and promotes nothing that staging does not serve', () => {
    expect(jobs['stage']).toMatchObject({
      needs: 'train',
      if: "needs.train.outputs.model_uri != ''",
      uses: './.github/workflows/stage.yml',
    });
    expect(jobs['promote']?.needs).toEqual(['train', 'stage']);
  });
});
