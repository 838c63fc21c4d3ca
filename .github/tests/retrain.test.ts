import { cpSync, readFileSync, writeFileSync } from 'node:fs';
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
const OPTIONS = '--model digits --capture s3://bucket/captured --models s3://bucket/models --work WORK';
const SHA256 = '5e'.repeat(32);

describe('retrain', () => {
  let folder: string;
  let bin: string;
  beforeEach(() => {
    folder = emptyFolder();
    bin = emptyFolder();
    cpSync(join(ROOT, '.github/scripts'), join(folder, '.github/scripts'), { recursive: true });
    cpSync(join(import.meta.dirname, 'support/loop.py'), join(folder, 'training/loop.py'));
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
  const calls = (): string[] => readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n');
  const written = (file: string): string => readFileSync(join(folder, file), 'utf8');

  it('runs one stage after the other, and hands on the version that has passed, with its verdict', () => {
    const ended = retrain();
    expect(ended).toMatchObject({ code: 0 });
    expect(calls()).toEqual(
      ['ingest', 'validate', 'train', 'evaluate', 'register'].map((stage) => `${stage} ${OPTIONS}`),
    );
    expect(outputsOf(ended)).toMatchObject({
      model_uri: 's3://bucket/models/digits/2',
      model_sha256: SHA256,
    });
    expect(written('output')).toMatch(/^details<<(\w+)\n# Better\nby 1 %\n\n\1\n/);
    expect(written('summary')).toBe('# Better\nby 1 %\n');
  });

  it('has Kubeflow run them where it is told to', () => {
    expect(retrain({ KFP_HOST: 'https://kubeflow.test' })).toMatchObject({ code: 0 });
    expect(calls()).toEqual([`kubeflow --host https://kubeflow.test ${OPTIONS}`]);
  });

  it('has the image run them where there is one, with what they need and nothing else of the machine', () => {
    fakeTool(bin, 'docker', [{ call: /^docker run /, code: 125 }]);
    expect(retrain({ TRAINING_IMAGE: 'registry.test/it-training:tree-0123', CAUSE: 'x' }).code).toBe(125);
    expect(callsOf(bin)).toEqual([
      expect.stringMatching(
        /^docker run --rm --user \d+:\d+ --volume \S+\/training\/work:\/work (--env \w+ )+registry\.test\/it-training:tree-0123 python loop\.py ingest --model digits .*--work \/work$/,
      ),
    ]);
  });

  it.each(['validate', 'evaluate'])('fails where the stage %s refuses: the drift is not mended', (stage) => {
    const ended = retrain({ FAILS_AT: stage, FAILS_WITH: '3' });
    expect(ended).toMatchObject({ code: 3, stdout: expect.stringContaining('::warning title=Refused::') });
    expect(calls().at(-1)).toBe(`${stage} ${OPTIONS}`);
    expect(written('summary')).toContain('# Better');
    expect(outputsOf(ended)).toEqual({});
  });

  it('does not fail by night where a stage refuses, and stages nothing', () => {
    const ended = retrain({ FAILS_AT: 'evaluate', FAILS_WITH: '3', CAUSE: 'schedule' });
    expect([ended.code, outputsOf(ended)]).toEqual([0, {}]);
  });

  it('fails by night too where a stage breaks', () => {
    expect(retrain({ FAILS_AT: 'train', FAILS_WITH: '1', CAUSE: 'schedule' }).code).toBe(1);
    expect(calls().at(-1)).toBe(`train ${OPTIONS}`);
  });

  it.each(['', '$(id)', 'a b', '--work=/', '../digits', 'x'.repeat(101)])(
    'takes %j for no model',
    (model) => {
      expect(retrain({ MODEL: model }).code).not.toBe(0);
      expect(() => calls()).toThrow();
    },
  );

  it('leaves to stage-trained what has passed, and nothing where nothing has', () => {
    const script = '.github/scripts/stage-trained';
    writeFileSync(
      join(folder, '.github/scripts/stage'),
      '#!/bin/sh\necho "$MODEL_URI $MODEL_SHA256 $DETAILS"\n',
    );
    retrain({ FAILS_AT: 'evaluate', FAILS_WITH: '3' });
    expect(run(join(folder, script), [])).toMatchObject({
      code: 0,
      stdout: 'no version has passed: nothing to stage\n',
    });
    retrain();
    expect(run(join(folder, script), [])).toMatchObject({
      code: 0,
      stdout: `s3://bucket/models/digits/2 ${SHA256} # Better\nby 1 %\n`,
    });
  });
});

describe('the image for training', () => {
  const IMAGE = 'registry.test/it';
  const tree = run('git', ['rev-parse', 'HEAD:training']).stdout.slice(0, 12);
  const name = `${IMAGE}-training:tree-${tree}`;
  const build = (env: Environment, isThere: boolean): { ended: Ended; bin: string } => {
    const bin = emptyFolder();
    fakeTool(bin, 'docker', [
      { call: /imagetools inspect/, code: isThere ? 0 : 1 },
      { call: /^docker buildx build training / },
    ]);
    const script = join(ROOT, '.github/scripts/build-training-image');
    return { ended: run(script, [], { bin, env: { IMAGE, ...env } }), bin };
  };

  it('is built and pushed under the name of what is in training/', () => {
    const { ended, bin } = build({}, false);
    expect([ended.code, outputsOf(ended)]).toEqual([0, { image: name }]);
    expect(callsOf(bin).at(-1)).toBe(`docker buildx build training --push --tag ${name}`);
  });

  it('is not built again where it is there', () => {
    const { ended, bin } = build({}, true);
    expect([ended.code, outputsOf(ended)]).toEqual([0, { image: name }]);
    expect(callsOf(bin)).toEqual([`docker buildx imagetools inspect ${name}`]);
  });

  it('is only built for a pull request', () => {
    const { bin } = build({ PUSH: 'false' }, false);
    expect(callsOf(bin)).toEqual(['docker buildx build training --output type=cacheonly']);
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
    expect(lines.map((line) => line.trim().split(':')[0]).sort()).toEqual(['MODEL', 'group', 'run-name']);
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
