import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { faultsOf } from '../scripts/check-index.js';
import { type Answer, callsOf, fakeTool } from './support/fake-tools.js';
import { emptyFolder } from './support/folder.js';
import { type Ended, type Environment, outputsOf, ROOT, run, SCRIPTS } from './support/run.js';
import { StandIns } from './support/stand-ins.js';

const IMAGE = 'ghcr.io/cv-inference/cv-inference';
const DIGEST = `sha256:${'4f'.repeat(32)}`;
const OTHER = `sha256:${'5e'.repeat(32)}`;
const MACHINE = arch() === 'arm64' ? 'aarch64' : 'x86_64';
const NOT_FOUND: Omit<Answer, 'call'> = { code: 1, stderr: `ERROR: ${IMAGE}:0.2.0: not found\n` };

/** A folder of tools that answer as given. */
function toolsThat(answers: Readonly<Record<string, readonly Answer[]>>): string {
  const bin = emptyFolder();
  for (const [name, given] of Object.entries(answers)) fakeTool(bin, name, given);
  return bin;
}
const script = (
  name: string,
  args: readonly string[],
  bin: string,
  env: Environment = {},
  cwd = ROOT,
): Ended =>
  run(cwd === ROOT ? join(SCRIPTS, name) : join(cwd, '.github/scripts', name), args, { bin, env, cwd });

describe('who publishes', () => {
  /** The scripts, with another publisher. */
  const checkout = (publisher: string): string => {
    const folder = emptyFolder();
    cpSync(SCRIPTS, join(folder, '.github/scripts'), { recursive: true });
    writeFileSync(join(folder, '.github/publisher'), `${publisher}\n`);
    return folder;
  };
  const answers = (publisher: string): (number | null)[] => {
    const cwd = checkout(publisher);
    return ['actions', 'jenkins'].map((name) => script('is-publisher', [name], emptyFolder(), {}, cwd).code);
  };

  it('is one of the two, never both', () => {
    expect(answers('actions')).toEqual([0, 1]);
    expect(answers('jenkins')).toEqual([1, 0]);
  });

  it('is nobody where the file says something else', () => {
    expect(answers('both')).toEqual([2, 2]);
    expect(answers('')).toEqual([2, 2]);
  });

  it('is somebody now', () => {
    expect(['actions\n', 'jenkins\n']).toContain(readFileSync(join(ROOT, '.github/publisher'), 'utf8'));
  });
});

describe('planning a release', () => {
  /** A clone with the scripts, whose package.json says a version, and whose HEAD is on main or not. */
  function checkout(version: string, isOnMain = true, publisher = 'actions'): string {
    const cwd = emptyFolder();
    const git = (...args: string[]) =>
      run('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd });
    git('init', '--quiet', '--initial-branch=main');
    mkdirSync(join(cwd, '.github'));
    cpSync(SCRIPTS, join(cwd, '.github/scripts'), { recursive: true });
    writeFileSync(join(cwd, '.github/publisher'), `${publisher}\n`);
    writeFileSync(join(cwd, 'package.json'), JSON.stringify({ version }));
    git('add', '.');
    git('commit', '--quiet', '-m', 'one');
    git('update-ref', 'refs/remotes/origin/main', 'HEAD');
    if (!isOnMain) git('commit', '--quiet', '--allow-empty', '-m', 'two');
    return cwd;
  }
  const ci = (stdout: string): string =>
    toolsThat({ gh: [{ call: /^gh api repos\/a\/b\/commits\/[0-9a-f]{40}\/check-runs/, stdout }] });
  const plan = (cwd: string, env: Environment = {}, bin = ci('success\n'), tag = 'v0.2.0'): Ended =>
    script('plan-release', [tag], bin, { REPOSITORY: 'a/b', ...env }, cwd);

  it('says version, kind and publisher', () => {
    expect(outputsOf(plan(checkout('0.2.0')))).toEqual({
      version: '0.2.0',
      prerelease: 'false',
      publish: 'true',
    });
    const rc = plan(checkout('1.0.0-rc.1'), {}, ci('success\n'), 'v1.0.0-rc.1');
    expect(outputsOf(rc)['prerelease']).toBe('true');
  });

  it('asks GitHub for ci only where GitHub Actions publishes', () => {
    const asked = (publisher: string, asks: string): [number | null, string | undefined, string[]] => {
      const bin = ci('success\n');
      const ended = plan(checkout('0.2.0', true, publisher), { PUBLISHER: asks }, bin);
      return [ended.code, outputsOf(ended)['publish'], callsOf(bin)];
    };
    expect(asked('actions', 'actions')).toEqual([0, 'true', [expect.stringContaining('check-runs')]]);
    expect(asked('actions', 'jenkins')).toEqual([0, 'false', []]);
    expect(asked('jenkins', 'jenkins')).toEqual([0, 'true', []]);
    expect(asked('jenkins', 'actions')).toEqual([0, 'false', []]);
  });

  it('refuses a tag that is not the version, or not on main', () => {
    expect(plan(checkout('0.3.0'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('package.json 0.3.0'),
    });
    expect(plan(checkout('0.2.0', false))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not on main'),
    });
  });

  it('refuses a commit on which ci has not passed', () => {
    const saying = (stdout: string): Ended => plan(checkout('0.2.0'), {}, ci(stdout));
    expect(saying('success\n').code).toBe(0);
    expect(saying('failure\n')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ci on this commit: failure'),
    });
    expect(saying('failure,success\n').code).toBe(1);
    expect(saying('\n')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has not run to its end'),
    });
  });
});

describe('building', () => {
  const build = (
    metadata: object,
    code = 0,
    TARGET = 'cpu',
  ): { ended: Ended; bin: string; digests: string } => {
    const digests = emptyFolder();
    const does = `while [[ $1 != --metadata-file ]]; do shift; done; echo '${JSON.stringify(metadata)}' >"$2"`;
    const bin = toolsThat({ docker: [{ call: /^docker buildx build/, does, code }] });
    const env = { IMAGE, TARGET, VERSION: '0.2.0', REVISION: 'abc', DIGESTS: digests };
    return { ended: script('build-image', [], bin, env), bin, digests };
  };

  it('pushes by digest, with SBOM and provenance, and without a tag', () => {
    const { ended, bin, digests } = build({ 'containerimage.digest': DIGEST });
    expect(ended.code).toBe(0);
    expect(readFileSync(join(digests, MACHINE), 'utf8')).toBe(`${DIGEST}\n`);
    const [call = ''] = callsOf(bin);
    expect(call).toContain('--attest type=sbom --attest type=provenance,mode=max');
    expect(call).toContain(`type=image,name=${IMAGE},push-by-digest=true,name-canonical=true,push=true`);
    expect(call).not.toContain('--tag');
  });

  it.each([
    ['cpu', 'Dockerfile'],
    ['cuda', 'Dockerfile'],
    ['dashboard', 'dashboard/Dockerfile'],
  ])('takes for %s its stage of %s', (target, file) => {
    const [call = ''] = callsOf(build({ 'containerimage.digest': DIGEST }, 0, target).bin);
    expect(call).toContain(`docker buildx build . --file ${file} --target ${target} `);
    expect(readFileSync(join(ROOT, file), 'utf8')).toMatch(new RegExp(`^FROM \\S+ AS ${target}$`, 'm'));
  });

  it('fails where docker does, and where it names no digest', () => {
    expect(build({ 'containerimage.digest': DIGEST }, 1).ended.code).toBe(1);
    const { ended, digests } = build({});
    expect([ended.code, readdirSync(digests)]).toEqual([1, []]);
  });

  it('of a preview takes the tag that Argo CD looks for', () => {
    const bin = toolsThat({ docker: [{ call: /^docker buildx build/ }] });
    const REVISION = 'abcdef0123'.repeat(4);
    expect(script('push-preview', [], bin, { IMAGE, REVISION }).code).toBe(0);
    const tag = /sha-\w+$/.exec(callsOf(bin)[0] ?? '')?.[0];
    expect(tag).toBe('sha-abcdef0');
    const [applicationSet] = readFileSync(join(ROOT, 'argocd/previews/pull-requests.yaml'), 'utf8').split(
      '\n---\n',
    );
    expect(parse(applicationSet ?? '').spec.template.spec.source.kustomize.images).toEqual([
      expect.stringMatching(/:sha-\{\{\.head_short_sha_7\}\}$/),
    ]);
  });
});

describe('publishing', () => {
  const digests = (): string => {
    const folder = emptyFolder();
    writeFileSync(join(folder, 'x86_64'), `${DIGEST}\n`);
    writeFileSync(join(folder, 'aarch64'), `${OTHER}\n`);
    return folder;
  };
  const joining = (...docker: readonly Answer[]): { ended: Ended; bin: string } => {
    const bin = toolsThat({ docker, cosign: [{ call: /verify/, code: 1 }] });
    const env = { IMAGE, TARGET: 'cpu', TAG: '0.2.0', DIGESTS: digests(), REPOSITORY: 'a/b' };
    return { ended: script('join-image', [], bin, env), bin };
  };
  const created = (bin: string): string[] => callsOf(bin).filter((call) => call.includes('create'));
  it('takes what has the tag already only with the signature of this release, and creates nothing where it cannot tell', () => {
    const there = joining({ call: /inspect/, stdout: DIGEST });
    expect(there.ended).toMatchObject({ code: 1 });
    expect(callsOf(there.bin).at(-1)).toContain(`${IMAGE}@${DIGEST}`);
    const unknown = joining({ call: /inspect/, code: 1, stderr: 'connection refused\n' });
    expect(unknown.ended.code).toBe(1);
    expect([...created(there.bin), ...created(unknown.bin)]).toEqual([]);
    expect(joining({ call: /inspect/, ...NOT_FOUND }, { call: /create/, code: 1 }).ended.code).toBe(1);
  });

  const MIRROR = '123456789012.dkr.ecr.eu-central-1.amazonaws.com/cv-inference';
  it.each([IMAGE, MIRROR])('tags in %s by digest, once, and moves no tag', (target) => {
    const tools = new StandIns('docker');
    const tag = (): number | null =>
      script('tag-image', [], tools.bin, { IMAGE, DIGEST, TAG: '0.2.0', MIRROR: target }).code;
    expect([tag(), tag(), tools.all('tags')]).toEqual([0, 0, { [`${target}:0.2.0`]: DIGEST }]);
    expect(tools.calls().filter((call) => call.includes('create'))).toEqual([
      `docker buildx imagetools create --tag ${target}:0.2.0 ${IMAGE}@${DIGEST}`,
    ]);
    tools.remember('tags', `${target}:0.2.0`, OTHER);
    expect([tag(), tools.all('tags')]).toEqual([1, { [`${target}:0.2.0`]: OTHER }]);
  });

  it('logs in to ECR by the role', () => {
    const bin = toolsThat({
      aws: [{ call: /get-login-password --region eu-central-1/, stdout: 'password' }],
      docker: [{ call: /^docker login/, does: 'cat >&2' }],
    });
    expect(script('login-registry', [], bin, { IMAGE: MIRROR })).toMatchObject({
      code: 0,
      stderr: 'password',
    });
    expect(callsOf(bin)).toContain(`docker login ${MIRROR.split('/')[0]} --username AWS --password-stdin`);
    expect(script('login-registry', [], bin, { IMAGE }).code).toBe(1);
  });

  it('signs by digest and never by tag: keyless, or by a key where there is one', () => {
    const bin = toolsThat({ cosign: [{ call: /^cosign sign/ }] });
    script('sign-image', [], bin, { IMAGE, DIGEST });
    script('sign-image', [], bin, { IMAGE, DIGEST, COSIGN_KEY: 'awskms:///alias/x' });
    expect(callsOf(bin)).toEqual([
      `cosign sign --yes ${IMAGE}@${DIGEST}`,
      `cosign sign --yes --key awskms:///alias/x ${IMAGE}@${DIGEST}`,
    ]);
    expect(script('sign-image', [], bin, { IMAGE, DIGEST: '0.2.0' }).code).toBe(1);
  });
});

const entry = (digest: string, platform: string): object => {
  const [os, architecture] = platform.split('/');
  return { digest, platform: { os, architecture } };
};
const attestation = (of: string): object => ({
  digest: `sha256:${'a'.repeat(64)}`,
  platform: { os: 'unknown', architecture: 'unknown' },
  annotations: { 'vnd.docker.reference.type': 'attestation-manifest', 'vnd.docker.reference.digest': of },
});
function index(...manifests: readonly object[]): { raw: string; digest: string } {
  const raw = JSON.stringify({ schemaVersion: 2, manifests });
  return { raw, digest: `sha256:${createHash('sha256').update(raw).digest('hex')}` };
}
const WHOLE = index(
  entry(DIGEST, 'linux/amd64'),
  entry(OTHER, 'linux/arm64'),
  attestation(DIGEST),
  attestation(OTHER),
);
const BOTH = ['linux/amd64', 'linux/arm64'];

describe('an index', () => {
  const faults = ({ raw, digest }: { raw: string; digest: string }, platforms = BOTH): string[] =>
    faultsOf(new TextEncoder().encode(raw), digest, platforms);

  it('is right with each platform and its attestations', () => {
    expect(faults(WHOLE)).toEqual([]);
  });

  it.each<[string, string[], string[]]>([
    ['another digest', faults({ ...WHOLE, digest: OTHER }), [expect.stringMatching(/^is sha256:/)]],
    [
      'a platform missing',
      faults(index(entry(DIGEST, 'linux/amd64'), attestation(DIGEST))),
      ['has no image for linux/arm64'],
    ],
    [
      'attestations missing',
      faults(index(entry(DIGEST, 'linux/amd64'), entry(OTHER, 'linux/arm64'), attestation(DIGEST))),
      ['has no attestations for linux/arm64'],
    ],
    ['one platform more', faults(WHOLE, ['linux/amd64']), ['has an image for linux/arm64']],
    ['nothing in it', faults(index()), ['has no image for linux/amd64', 'has no image for linux/arm64']],
  ])('is wrong with %s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });
});

describe('verifying', () => {
  const verify = (
    changes: { docker?: readonly Answer[]; cosign?: number; gh?: number; env?: Environment } = {},
  ): { ended: Ended; bin: string } => {
    const docker = changes.docker ?? [
      { call: /imagetools inspect --raw/, stdout: WHOLE.raw },
      { call: /imagetools inspect/, stdout: WHOLE.digest },
    ];
    const bin = toolsThat({
      docker,
      cosign: [{ call: /^cosign verify/, code: changes.cosign ?? 0 }],
      gh: [{ call: /^gh attestation verify/, code: changes.gh ?? 0 }],
    });
    const env = {
      IMAGE,
      DIGEST: WHOLE.digest,
      TAG: '0.2.0',
      REPOSITORY: 'cv-inference/cv-inference',
      PLATFORMS: BOTH.join(','),
      ...changes.env,
    };
    return { ended: script('verify-image', [], bin, env), bin };
  };

  it('demands the identity of release.yml at the tag of this version, letter by letter', () => {
    const { ended, bin } = verify();
    expect(ended).toMatchObject({ code: 0 });
    const [, , cosign = '', gh] = callsOf(bin);
    expect(cosign).toContain('--certificate-oidc-issuer https://token.actions.githubusercontent.com ');
    expect(cosign).toContain(
      '--certificate-identity https://github.com/cv-inference/cv-inference/.github/workflows/release.yml@refs/tags/v0.2.0 ',
    );
    expect(cosign).not.toContain('regexp');
    expect(cosign).toMatch(new RegExp(` ${IMAGE}@${WHOLE.digest}$`));
    expect(gh).toContain(
      `oci://${IMAGE}@${WHOLE.digest} --repo cv-inference/cv-inference --signer-workflow cv-inference/cv-inference/.github/workflows/release.yml --source-ref refs/tags/v0.2.0`,
    );
  });

  it.each(['0.2.0-cuda', '0.2.0-dashboard'])('takes %s for the release of its version', (TAG) => {
    const { bin } = verify({ env: { TAG } });
    expect(callsOf(bin).join('\n')).toMatch(/refs\/tags\/v0\.2\.0 /);
  });

  it('takes the key of Jenkins instead, where there is one', () => {
    const { ended, bin } = verify({ env: { COSIGN_PUBLIC_KEY: 'cosign.pub' } });
    expect(ended.code).toBe(0);
    expect(callsOf(bin).at(-1)).toBe(`cosign verify --key cosign.pub --output text ${IMAGE}@${WHOLE.digest}`);
  });

  it.each<[string, Parameters<typeof verify>[0]]>([
    ['signed by somebody else', { cosign: 1 }],
    ['attested by somebody else', { gh: 1 }],
    ['another one than the tag names', { env: { DIGEST } }],
    ['for another platform', { env: { PLATFORMS: 'linux/amd64' } }],
  ])('refuses an image %s', (_, changes) => {
    const { ended } = verify(changes);
    expect(ended.code).not.toBe(0);
    expect(ended.stdout).not.toContain('released');
  });
});

describe('the model', () => {
  const MODEL = join(ROOT, 'service/models/digits');
  const { version, sha256 } = JSON.parse(readFileSync(join(MODEL, 'model.json'), 'utf8'));

  it('is packed to the same bytes each time, with its sum, and serves as it is', () => {
    const folders = [emptyFolder(), emptyFolder()];
    const ended = folders.map((folder) => script('pack-model', [MODEL, folder], emptyFolder()));
    const archive = `digits-${version}.tar.gz`;
    expect(outputsOf(ended[0] as Ended)).toEqual({ archive, name: 'digits', version, sha256 });
    const [one, other] = folders.map((folder) => readFileSync(join(folder, archive)));
    expect(one?.equals(other as Buffer)).toBe(true);
    const [out = ''] = folders;
    expect(run('sha256sum', ['--check', 'SHA256SUMS'], { cwd: out }).code).toBe(0);
    run('tar', ['-xzf', archive], { cwd: out });
    expect(run('diff', ['-r', MODEL, join(out, `digits-${version}`)])).toMatchObject({ code: 0, stdout: '' });
  });

  it('is packed with its external data, and by the digest of all', () => {
    const folder = emptyFolder();
    const manifest = { name: 'net', version: '1', file: 'onnx/net.onnx', external_data: ['net.data'] };
    const line = (name: string, content: string) =>
      `${createHash('sha256').update(content).digest('hex')} ${content.length} ${name}\n`;
    const lines = line('net.onnx', 'graph') + line('net.data', 'weights');
    const digest = `sha256-files:${createHash('sha256').update(lines).digest('hex')}`;
    mkdirSync(join(folder, 'onnx'));
    writeFileSync(join(folder, 'onnx/net.onnx'), 'graph');
    writeFileSync(join(folder, 'onnx/net.data'), 'weights');
    writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...manifest, sha256: digest }));
    expect(outputsOf(script('pack-model', [folder, emptyFolder()], emptyFolder()))).toMatchObject({
      sha256: digest,
    });
    writeFileSync(join(folder, 'onnx/net.data'), 'other weights');
    expect(script('pack-model', [folder, emptyFolder()], emptyFolder()).code).toBe(1);
  });

  it('is not packed where its file is not the one that the manifest names', () => {
    const folder = join(emptyFolder(), 'digits');
    cpSync(MODEL, folder, { recursive: true });
    writeFileSync(join(folder, 'model.onnx'), 'other');
    const out = emptyFolder();
    expect(script('pack-model', [folder, out], emptyFolder()).code).not.toBe(0);
    expect(readdirSync(out)).toEqual([]);
  });

  it('is uploaded under its version, the manifest last', () => {
    const bin = toolsThat({ aws: [{ call: /put-object/ }] });
    const ended = script('upload-model', [MODEL, 's3://bucket/models/'], bin);
    expect(outputsOf(ended)).toEqual({ uri: `s3://bucket/models/digits/${version}` });
    const keys = callsOf(bin).map((call) => /--bucket bucket --key (\S+)/.exec(call)?.[1]);
    expect(keys).toContain(`models/digits/${version}/golden/7-blocks.png`);
    expect(keys.at(-1)).toBe(`models/digits/${version}/model.json`);
    expect(callsOf(bin).every((call) => call.includes('--if-none-match *'))).toBe(true);
  });

  it('is not changed once it is there: the same passes, another is refused', () => {
    const sum = run('bash', [
      '-c',
      `openssl dgst -sha256 -binary "$1" | base64`,
      '-',
      join(MODEL, 'golden/0-dark-on-light.png'),
    ]).stdout;
    const upload = (stdout: string): Ended => {
      const bin = toolsThat({
        aws: [
          { call: /put-object.*0-dark-on-light/, code: 254 },
          { call: /put-object/ },
          { call: /head-object/, stdout },
        ],
      });
      return script('upload-model', [MODEL, 's3://bucket/models'], bin);
    };
    expect(upload(sum).code).toBe(0);
    const refused = upload('b3RoZXI=\n');
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('is another file')]);
    expect(refused.stdout).not.toContain('uri=');
  });
});

describe('the release', () => {
  const docker = [{ call: /inspect/, stdout: DIGEST }];

  const publish = (view: Omit<Answer, 'call'>, env: Environment = {}): [number | null, string[]] => {
    const bin = toolsThat({ docker, gh: [{ call: /release view/, ...view }, { call: /release/ }] });
    const { code } = script('publish-release', ['v0.2.0', 'a.tar.gz', 'SHA256SUMS'], bin, { IMAGE, ...env });
    return [code, callsOf(bin).filter((call) => /gh release (?!view)/.test(call))];
  };
  const missing = { code: 1, stderr: 'release not found\n' };
  const finish = [
    'gh release upload v0.2.0 --clobber a.tar.gz SHA256SUMS',
    'gh release edit v0.2.0 --draft=false',
  ];

  it('names the images by digest, and is published once it has its files', () => {
    const [code, [create = '', ...rest]] = publish(missing);
    expect([code, rest]).toEqual([0, finish]);
    expect(create).toMatch(/^gh release create v0\.2\.0 --draft --verify-tag --generate-notes /);
    for (const tag of ['0.2.0', '0.2.0-cuda', '0.2.0-dashboard'])
      expect(create).toContain(`${IMAGE}:${tag}@${DIGEST}`);
    expect(create).not.toContain('--prerelease');
    expect(publish(missing, { PRERELEASE: 'true' })[1][0]).toContain('--prerelease');
  });

  it('is finished where it is a draft, left alone where it is published, and made by no guess', () => {
    expect(publish({ stdout: 'true\n' })).toEqual([0, finish]);
    expect(publish({ stdout: 'false\n' })).toEqual([0, []]);
    expect(publish({ code: 1, stderr: 'connection refused\n' })).toEqual([1, []]);
  });
});

describe('scanning', () => {
  it('goes by one set of rules, here and in ci.yml', () => {
    const bin = toolsThat({ trivy: [{ call: /./ }] });
    script('scan', ['files'], bin);
    script('scan', ['image', 'x:y'], bin);
    expect(callsOf(bin)).toEqual([
      'trivy filesystem --config .github/trivy.yaml .',
      'trivy image --config .github/trivy.yaml x:y',
    ]);
    expect(script('scan', ['planet'], bin).code).toBe(2);
    const ci = readFileSync(join(ROOT, '.github/workflows/ci.yml'), 'utf8');
    expect(ci.match(/trivy-config: \.github\/trivy\.yaml/g)).toHaveLength(2);
    expect(parse(readFileSync(join(ROOT, '.github/trivy.yaml'), 'utf8'))['exit-code']).toBe(1);
  });
});
