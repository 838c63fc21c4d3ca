import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { S3_TEST_KEY, type S3TestServer, startS3Server } from '../../service/test/support/s3-server.js';
import { markdownOfPlans, readPlans } from '../scripts/plan-report.js';
import { nodeOfTypeScript } from './support/fake-github.js';
import { callsOf, fakeTool } from './support/fake-tools.js';
import { emptyFolder } from './support/folder.js';
import { type Ended, type Environment, outputsOf, ROOT, run, runBeside, SCRIPTS } from './support/run.js';
import { absent } from './support/tools.js';
import { type Job, workflowNamed } from './support/workflows.js';

const ACCOUNT = '123456789012';

/** Where a workflow or a script calls a script, by its path or as a module beside it. */
const CALLS = /(\.github\/scripts\/|\.ci\/|from '\.\/)([\w.-]+)/g;

/** What can be planned and applied without a cloud: values that Terraform keeps in its state. */
const configuration = (environment: string, input: string): string => `terraform {
  backend "s3" {
    key              = "${environment}/terraform.tfstate"
    use_lockfile     = true
    use_path_style   = true
    skip_s3_checksum = true

    skip_credentials_validation = true
    skip_requesting_account_id  = true
  }
}

resource "terraform_data" "this" {
  input = ${input}
}
`;

describe.skipIf(absent('terraform', 'jq'))('plans, by Terraform itself', () => {
  let s3: S3TestServer;
  let buckets = 0;
  const names = Array.from({ length: 30 }, (_, index) => `state-${index}`);

  beforeAll(async () => {
    s3 = await startS3Server(names);
  });
  afterAll(() => s3.close());

  /** A checkout of nothing but the scripts and small environments, with a state of its own. */
  class Checkout {
    readonly root = emptyFolder();
    private readonly bucket = `state-${buckets++}`;

    constructor() {
      mkdirSync(join(this.root, '.github'));
      symlinkSync(SCRIPTS, join(this.root, '.github/scripts'));
      symlinkSync(join(ROOT, 'Makefile'), join(this.root, 'Makefile'));
      for (const name of ['dev', 'production', 'bootstrap']) this.write(name, '"one"');
    }

    write(name: string, input: string): void {
      const folder = join(this.root, 'infrastructure', name === 'bootstrap' ? name : `environments/${name}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'main.tf'), configuration(name, input));
      writeFileSync(join(folder, '.terraform.lock.hcl'), '');
    }

    private run(command: string, args: readonly string[], env: Environment): Promise<Ended> {
      return runBeside(command, args, {
        cwd: this.root,
        env: {
          STATE_BUCKET: this.bucket,
          AWS_REGION: 'eu-central-1',
          AWS_ENDPOINT_URL_S3: s3.endpoint,
          AWS_ACCESS_KEY_ID: S3_TEST_KEY,
          AWS_SECRET_ACCESS_KEY: S3_TEST_KEY,
          TF_CLI_CONFIG_FILE: '/dev/null',
          CHECKPOINT_DISABLE: '1',
          ...env,
        },
      });
    }

    plan(out = 'out', env: Environment = {}): Promise<Ended> {
      return this.run(join(this.root, '.github/scripts/plan-infrastructure'), [out], {
        NAMES: 'dev production',
        ...env,
      });
    }

    apply(name: string, out = 'out'): Promise<Ended> {
      return this.run(join(this.root, '.github/scripts/apply-plan'), [`${out}/plans`, name], {});
    }

    make(target: string): Promise<Ended> {
      return this.run('make', [target], { ENVIRONMENT: 'production' });
    }

    read(path: string): string {
      return readFileSync(join(this.root, path), 'utf8');
    }

    plans(out = 'out'): string[] {
      return readdirSync(join(this.root, out, 'plans')).sort();
    }
  }

  const changed = (ended: Ended): unknown => JSON.parse(outputsOf(ended)['changed'] ?? '');

  it('name what differs, and once it is applied nothing does', async () => {
    const checkout = new Checkout();
    const first = await checkout.plan();
    expect([first.code, changed(first)]).toEqual([0, ['dev', 'production']]);
    expect(checkout.read('out/results/dev.plan')).toContain('Plan: 1 to add, 0 to change, 0 to destroy.');
    expect(await checkout.apply('dev')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Resources: 1 added, 0 changed, 0 destroyed.'),
    });
    const second = await checkout.plan('again');
    expect([second.code, changed(second)]).toEqual([0, ['production']]);
    expect(checkout.read('again/results/dev.plan')).toMatch(/^No changes\. /m);
  });

  it('are applied as they were reviewed, whatever the code says by then', async () => {
    const checkout = new Checkout();
    await checkout.plan();
    checkout.write('dev', '"not reviewed"');
    expect((await checkout.apply('dev')).code).toBe(0);
    await checkout.plan('again');
    expect(checkout.read('again/results/dev.plan')).toContain('"one" -> "not reviewed"');
  });

  it('are refused once something else has been applied', async () => {
    const checkout = new Checkout();
    await checkout.plan('old');
    await checkout.plan('new');
    expect((await checkout.apply('dev', 'new')).code).toBe(0);
    const late = await checkout.apply('dev', 'old');
    expect([late.code, late.stdout]).toEqual([1, expect.stringContaining('Saved plan is stale')]);
  });

  it('fail where one environment cannot be planned, and say why; the others are planned', async () => {
    const checkout = new Checkout();
    checkout.write('production', 'var.none');
    const ended = await checkout.plan();
    expect([ended.code, changed(ended), checkout.plans()]).toEqual([1, ['dev'], ['dev']]);
    expect(checkout.read('out/results/production.plan')).toContain('undeclared input variable');
  });

  it('fail where there is no state bucket', async () => {
    const checkout = new Checkout();
    const ended = await checkout.plan('out', { STATE_BUCKET: 'none' });
    expect([ended.code, changed(ended), checkout.plans()]).toEqual([1, [], []]);
    expect(checkout.read('out/results/dev.plan')).toContain('S3 bucket "none" does not exist');
  });

  it('are refused with what is sensitive in them, which they would hold in clear', async () => {
    const checkout = new Checkout();
    checkout.write('dev', '{ password = sensitive("swordfish") }');
    const ended = await checkout.plan('out', { NAMES: 'dev' });
    expect([ended.code, checkout.plans()]).toEqual([1, []]);
    expect(checkout.read('out/results/dev.plan')).toBe(
      'Error: the plan holds what is sensitive\nterraform_data.this: input.password\n',
    );
  });

  it('are told without keys, passwords and the number of the account', async () => {
    const checkout = new Checkout();
    checkout.write('dev', `["arn:aws:iam::${ACCOUNT}:role/one", "postgres://us:swordfish@db/one"]`);
    await checkout.plan('out', { NAMES: 'dev' });
    const text = checkout.read('out/results/dev.plan');
    expect(text).toContain('arn:aws:iam::(account):role/one');
    expect(text).not.toMatch(/swordfish|\d{12}/);
  });

  it('destroy one environment, that is named', async () => {
    const checkout = new Checkout();
    await checkout.plan();
    await checkout.apply('dev');
    const ended = await checkout.plan('gone', { NAMES: 'dev', DESTROY: 'true' });
    expect([ended.code, changed(ended)]).toEqual([0, ['dev']]);
    expect(checkout.read('gone/results/dev.plan')).toContain('Plan: 0 to add, 0 to change, 1 to destroy.');
    expect(await checkout.apply('dev', 'gone')).toMatchObject({
      stdout: expect.stringContaining('Resources: 0 added, 0 changed, 1 destroyed.'),
    });
  });

  it.each([
    ['dev production', 'one environment is destroyed at a time, and bootstrap by hand\n'],
    ['bootstrap', 'one environment is destroyed at a time, and bootstrap by hand\n'],
    ['Dev', 'there is no environment Dev\n'],
    ['staging', 'there is no environment staging\n'],
    ['../bootstrap', 'there is no environment ../bootstrap\n'],
    ['-help', 'there is no environment -help\n'],
  ])('destroy nothing for %j', async (typed, stderr) => {
    const checkout = new Checkout();
    expect(await checkout.plan('out', { NAMES: typed, DESTROY: 'true' })).toMatchObject({ code: 2, stderr });
    expect(checkout.plans()).toEqual([]);
  });

  it('are made and applied by make as well', async () => {
    const checkout = new Checkout();
    expect(await checkout.make('plan')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Plan: 1 to add, 0 to change, 0 to destroy.'),
    });
    expect(await checkout.make('apply')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 added'),
    });
    checkout.write('production', 'var.none');
    expect(await checkout.make('plan')).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('undeclared input variable'),
    });
  });

  it('look at bootstrap too, for what has drifted', async () => {
    const ended = await new Checkout().plan('out', { NAMES: 'bootstrap dev' });
    expect([ended.code, changed(ended)]).toEqual([0, ['bootstrap', 'dev']]);
  });
});

it.each([
  ['a key of AWS', 'id = "AKIAIOSFODNN7EXAMPLE"', 'id = "(key)"'],
  ['a password', '+ password = "swordfish" -> null', '+ password = "(secret)" -> null'],
  ['a token in JSON', '{"api_token": "swordfish"}', '{"api_token": "(secret)"}'],
  ['an address with a password', 'https://us:swordfish@x/y', 'https://us:(secret)@x/y'],
  ['the number of the account', `arn:aws:iam::${ACCOUNT}:role/x`, 'arn:aws:iam::(account):role/x'],
  [
    'a private key',
    'a\n-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----\nb',
    'a\n(private key)\nb',
  ],
  ['nothing of an ARN of a secret', 'secret_arn = "arn:one"', 'secret_arn = "arn:one"'],
  ['nothing of a digest', `sha256:${'1'.repeat(64)}`, `sha256:${'1'.repeat(64)}`],
])('mask-secrets takes out %s', (_, input, stdout) => {
  expect(run(join(SCRIPTS, 'mask-secrets'), [], { input: `${input}\n` }).stdout).toBe(`${stdout}\n`);
});

describe('the report on plans', () => {
  const PLAN = '  + create\n\nPlan: 1 to add, 2 to change, 0 to destroy.\n';
  const folder = (files: Readonly<Record<string, string>>): string => {
    const made = emptyFolder();
    for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
    return made;
  };
  const report = (files: Readonly<Record<string, string>>): string =>
    markdownOfPlans(readPlans(folder(files)));

  it('says of each environment what it comes to, and has the plan', () => {
    expect(
      report({ 'production.plan': 'No changes. Your infrastructure matches.\n', 'dev.plan': PLAN }),
    ).toBe(
      '<details><summary>dev: Plan: 1 to add, 2 to change, 0 to destroy.</summary>\n\n```\n' +
        `${PLAN.trimEnd()}\n\`\`\`\n</details>\n\n<details><summary>production: No changes.</summary>\n\n\`\`\`\n` +
        'No changes. Your infrastructure matches.\n```\n</details>\n',
    );
  });

  it('says what was not planned', () => {
    expect(report({ 'dev.plan': 'Error: no\n' })).toContain('dev: **Not planned.**');
    expect(report({})).toMatch(/^No plan: /);
    expect(markdownOfPlans(readPlans(join(emptyFolder(), 'none')))).toMatch(/^No plan: /);
  });

  it('keeps what a plan says in its fence, and within what a comment may have', () => {
    const text = report({ 'dev.plan': `\`\`\`\n</details>@everyone \u202e${'x'.repeat(50_000)}\n${PLAN}` });
    expect(text).toContain('\n````\n```\n</details>@everyone x');
    expect(text).toContain('Cut after 20000 of ');
    expect(text).toContain('dev: Plan: 1 to add');
    expect(text.length).toBeLessThan(21_000);
  });

  it('reads no other file, and no link', () => {
    const made = folder({ 'dev.txt': PLAN, '@all.plan': PLAN, 'DEV.plan': PLAN });
    expect(readPlans(made)).toEqual([]);
    symlinkSync('/etc/hostname', join(made, 'dev.plan'));
    expect(() => readPlans(made)).toThrow('there is no plan, or a huge one');
  });
});

describe('the issue on drift', () => {
  function report(
    changed: string,
    open: string,
    allPlanned = 'true',
  ): { ended: Ended; calls: string[]; body: string } {
    const bin = emptyFolder();
    const results = emptyFolder();
    nodeOfTypeScript(bin);
    writeFileSync(join(results, 'dev.plan'), 'Plan: 0 to add, 1 to change, 0 to destroy.\n');
    fakeTool(bin, 'gh', [
      { call: /--paginate repos\/us\/it\/issues\?state=open/, stdout: open },
      {
        call: /--method (POST|PATCH)/,
        does: `for a; do [[ $a == body=@* ]] && cp "\${a#body=@}" ${bin}/body; done; true`,
      },
    ]);
    const ended = run(join(SCRIPTS, 'report-drift'), [results], {
      bin,
      env: {
        CHANGED: changed,
        ALL_PLANNED: allPlanned,
        REPOSITORY: 'us/it',
        RUN_URL: 'https://example.com/run',
        GH_TOKEN: 'token',
      },
    });
    const body = join(bin, 'body');
    return { ended, calls: callsOf(bin).slice(1), body: existsSync(body) ? readFileSync(body, 'utf8') : '' };
  }

  it('is opened, with what differs', () => {
    const { ended, calls, body } = report('["dev"]', '');
    expect(ended).toMatchObject({ code: 0, stdout: 'drift: dev\n' });
    expect(calls).toEqual([expect.stringContaining('--method POST repos/us/it/issues ')]);
    expect(body).toMatch(
      /^<!-- cv-drift -->\n\[Last night\]\(https:\/\/example\.com\/run\) AWS differed .* in: dev\./,
    );
    expect(body).toContain('dev: Plan: 0 to add, 1 to change, 0 to destroy.');
  });

  it('is the same one the next night', () => {
    const { calls } = report('["dev"]', '4\n9\n');
    expect(calls).toEqual([expect.stringContaining('--method PATCH repos/us/it/issues/4 ')]);
  });

  it('is closed once nothing differs, and none is opened', () => {
    expect(report('[]', '4\n').calls).toEqual([expect.stringMatching(/PATCH .*issues\/4 -f state=closed/)]);
    expect(report('[]', '')).toMatchObject({ ended: { code: 0, stdout: 'no drift\n' }, calls: [] });
  });

  it('stays open where something was not planned, and says what differs in the rest', () => {
    expect(report('[]', '4\n', 'false')).toMatchObject({
      ended: { code: 0, stdout: 'no drift in what was planned\n' },
      calls: [],
    });
    expect(report('["dev"]', '4\n', 'false').calls).toEqual([
      expect.stringMatching(/PATCH .*issues\/4 -F body=/),
    ]);
  });
});

describe('.ci/infrastructure', () => {
  const ci = (args: readonly string[], env: Environment, bin = emptyFolder()): Ended =>
    run(join(ROOT, '.ci/infrastructure'), args, { bin, env });

  it('fails where a folder has no tests', () => {
    const bin = emptyFolder();
    fakeTool(bin, 'terraform', [
      { call: /^terraform version/, stdout: 'Terraform v1.11.4\n' },
      { call: /^terraform test/, stdout: 'Success! 0 passed, 0 failed.\n' },
      { call: /^terraform (fmt|init|validate)/ },
    ]);
    const { code, stdout } = ci([], { TERRAFORM: 'terraform', TF_PLUGIN_DIR: bin }, bin);
    expect([code, stdout]).toEqual([1, expect.stringContaining('FAIL  infrastructure/bootstrap: test')]);
  });

  it('builds its tools by themselves, where they are not built yet', () => {
    const cache = emptyFolder();
    const bin = emptyFolder();
    const built = `${cache}/cv-inference`;
    fakeTool(bin, 'go', [
      { call: / mod download -json /, stdout: `\t"Dir": "${cache}",\n` },
      {
        call: / build /,
        does: `install -D /bin/true ${built}/opentofu/$(sed -n 's/^readonly OPENTOFU=//p' .ci/infrastructure)/tofu`,
      },
      { call: / install /, does: 'install -D /bin/true "$GOBIN/tflint"' },
    ]);
    const build = (): Ended => ci(['tools'], { XDG_CACHE_HOME: cache }, bin);
    const first = build();
    expect([first.code, first.stdout.trim().split('\n')]).toEqual([
      0,
      [
        expect.stringMatching(/\/opentofu\/v[\d.]+\/tofu$/),
        expect.stringMatching(/\/tflint\/v[\d.]+\/tflint$/),
      ],
    ]);
    const calls = callsOf(bin).length;
    expect(build().stdout).toBe(first.stdout);
    expect(callsOf(bin)).toHaveLength(calls);
  });

  it('has its tools kept by ci.yml before anything can fail', () => {
    const steps = workflowNamed('ci').jobs['infrastructure']?.steps ?? [];
    const at = (what: string): number =>
      steps.findIndex(({ run: command, uses }) => (command ?? uses)?.startsWith(what));
    const order = ['actions/cache/restore@', '.ci/infrastructure tools', 'actions/cache/save@'].map(at);
    const checks = steps.findIndex(({ run: command }) => command === '.ci/infrastructure');
    expect(order).toEqual([checks - 3, checks - 2, checks - 1]);
  });
});

describe('infrastructure.yml', () => {
  const { jobs, on, text } = workflowNamed('infrastructure');
  const roleOf = (job: Job | undefined): unknown =>
    job?.steps?.find(({ uses }) => uses?.startsWith('aws-actions/'))?.with?.['role-to-assume'];
  const expression = (inner: string): string => `\${{ ${inner} }}`;

  it('applies after approval alone, on main, what the job before has planned', () => {
    expect(jobs['apply']).toMatchObject({
      environment: 'infrastructure',
      needs: 'plan',
      if: expect.stringMatching(/github\.event_name != 'pull_request' && github\.ref == 'refs\/heads\/main'/),
    });
    const demand = jobs['plan']?.steps?.find(({ run: command }) => command?.includes('demand-approval'));
    expect(demand).toMatchObject({
      if: "github.event_name != 'pull_request'",
      run: '.github/scripts/demand-approval infrastructure',
    });
    expect(JSON.stringify(jobs['apply'])).not.toMatch(/plan-infrastructure|terraform (plan|apply|destroy)/);
  });

  it('gives the role that writes to that job alone', () => {
    const roles = Object.entries(jobs).map(([id, job]) => [id, roleOf(job)]);
    expect(Object.fromEntries(roles)).toEqual({
      check: undefined,
      plan: expression('vars.AWS_PLAN_ROLE_ARN'),
      apply: expression('vars.AWS_APPLY_ROLE_ARN'),
      drift: expression('vars.AWS_PLAN_ROLE_ARN'),
    });
    expect(text.match(/AWS_APPLY_ROLE_ARN/g)).toHaveLength(1);
  });

  it('plans nothing that a fork says', () => {
    expect(jobs['plan']?.if).toContain(
      "github.event_name == 'pull_request' && github.event.pull_request.head.repo.full_name == github.repository",
    );
  });

  it('destroys by hand alone, what was typed', () => {
    const env = jobs['plan']?.steps?.find(({ id }) => id === 'plan')?.env;
    expect(env).toEqual({
      NAMES: expression("inputs.destroy || 'dev production'"),
      DESTROY: expression("github.event_name == 'workflow_dispatch'"),
    });
    expect(text.match(/destroy:/g)).toHaveLength(1);
  });

  it('reports on drift where one of the plans fails too, as on one that is not over', () => {
    const step = jobs['drift']?.steps?.find(({ run: command }) => command?.includes('report-drift'));
    expect(step).toMatchObject({
      if: "always() && steps.plan.outputs.changed != ''",
      env: { ALL_PLANNED: expression("steps.plan.outcome == 'success'") },
    });
  });

  it('runs where a script changes that it calls, or that one of those calls', () => {
    const called = new Set<string>();
    const follow = (caller: string): void => {
      for (const [, folder = '', name = ''] of caller.matchAll(CALLS)) {
        const file = folder.replace("from './", '.github/scripts/') + name;
        if (called.has(file)) continue;
        called.add(file);
        if (file.startsWith('.github/scripts/')) follow(readFileSync(join(ROOT, file), 'utf8'));
      }
    };
    follow(
      Object.values(jobs)
        .flatMap(({ steps = [] }) => steps.map((step) => step.run ?? ''))
        .join('\n'),
    );
    expect(called.size).toBeGreaterThan(5);
    const pathsOf = (event: string): unknown => (on[event] as { paths: string[] }).paths;
    expect(pathsOf('pull_request')).toEqual(expect.arrayContaining([...called]));
    expect(pathsOf('push')).toEqual(pathsOf('pull_request'));
  });

  it('has one version of Terraform, which is the one of ci.yml', () => {
    const versions = [text, workflowNamed('ci').text].flatMap(
      (one) => one.match(/terraform_version: .*/g) ?? [],
    );
    expect([versions.length, new Set(versions).size]).toEqual([6, 1]);
  });
});
