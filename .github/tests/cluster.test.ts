import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { tool } from '../../k8s/tests/support/tools.js';
import { FakeCluster, type Rule } from './support/fake-cluster.js';
import { emptyFolder } from './support/folder.js';
import { ROOT, run } from './support/run.js';
import { absent } from './support/tools.js';

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const yaml = (file: string) => parse(read(file));
const platform = (name: string) => yaml(`argocd/platform/${name}.yaml`).spec.source;
const constant = (name: string): string =>
  new RegExp(`^readonly ${name}=(.*)$`, 'm').exec(read('loadtest/cluster/cluster.sh'))?.[1] ?? '';
/** Where something of a kind is among the calls; past the end where it is not. */
const placeOf = (calls: readonly string[], pattern: RegExp): number => {
  const place = calls.findIndex((call) => pattern.test(call));
  return place < 0 ? Number.POSITIVE_INFINITY : place;
};
const expectInOrder = (calls: readonly string[], ...patterns: readonly RegExp[]): void => {
  const places = patterns.map((pattern) => placeOf(calls, pattern));
  expect(places.every(Number.isFinite), `${patterns} in\n${calls.join('\n')}`).toBe(true);
  expect(places).toEqual([...places].sort((one, other) => one - other));
};

describe('kind-cluster.yaml', () => {
  const config = yaml('loadtest/kind-cluster.yaml');

  it('has a control plane and two workers of one pinned image', () => {
    expect(config.nodes.map(({ role }: { role: string }) => role)).toEqual([
      'control-plane',
      'worker',
      'worker',
    ]);
    const images = config.nodes.map(({ image }: { image: string }) => image);
    expect(new Set(images).size).toBe(1);
    expect(images[0]).toMatch(/^kindest\/node:v1\.36\.\d+@sha256:[0-9a-f]{64}$/);
    expect(config.networking).toEqual({ podSubnet: '10.244.0.0/16', serviceSubnet: '10.96.0.0/16' });
  });

  it('has the Kubernetes and the kind that workflows install', () => {
    const [, kubernetes] = /:(v[\d.]+)@/.exec(config.nodes[0].image) ?? [];
    const [, kind] = /sigs\.k8s\.io\/kind (v[\d.]+)/.exec(read('.github/tests/tools/kind/go.mod')) ?? [];
    for (const name of ['pr-loadtest', 'gitops-demo']) {
      const text = read(`.github/workflows/${name}.yml`);
      expect(text).toContain(`kubectl_version: ${kubernetes}\n`);
      expect(text).toContain(`          version: ${kind}\n`);
    }
  });

  describe.skipIf(absent('kind'))('read by kind itself', () => {
    /** Creation until the nodes are asked for, which a docker that is none refuses. */
    function create(text: string) {
      const cluster = new FakeCluster([
        { call: '^docker -v', stdout: 'Docker version 28.0.0\n' },
        { call: '^docker info .*SecurityOptions', stdout: '[]\n' },
        { call: '^docker info', stdout: '{"CgroupDriver":"systemd","CgroupVersion":"2","MemoryLimit":true}' },
        { call: '^docker run', code: 1 },
      ]);
      const file = join(cluster.folder, 'config.yaml');
      writeFileSync(file, text);
      const ended = run(tool('kind') ?? '', ['create', 'cluster', '--config', file], {
        bin: cluster.bin,
        env: { KIND_EXPERIMENTAL_PROVIDER: 'docker' },
      });
      return { ended, nodes: cluster.calls(/^docker run/) };
    }

    it('asks docker for three nodes with the four ports on this machine alone', () => {
      const { nodes } = create(read('loadtest/kind-cluster.yaml'));
      const controlPlane = nodes.find((call) => call.includes('--name cv-inference-control-plane')) ?? '';
      for (const port of [80, 443, 30080, 30081]) {
        expect(controlPlane).toContain(`--publish=127.0.0.1:${port}:${port}/TCP`);
      }
      expect(nodes.every((call) => call.includes(config.nodes[0].image))).toBe(true);
      expect(nodes.length).toBeGreaterThanOrEqual(1);
    });

    it('would refuse a field that it does not know, before it asks for anything', () => {
      const { ended, nodes } = create(
        read('loadtest/kind-cluster.yaml').replace('extraPortMappings', 'ports'),
      );
      expect(ended.code).not.toBe(0);
      expect(ended.stderr).toContain('field ports not found');
      expect(nodes).toEqual([]);
    });
  });
});

describe('the scripts agree with the manifests', () => {
  it('about host, port and namespace', () => {
    const overlay = yaml('k8s/overlays/local/kustomization.yaml');
    const nginx = yaml('k8s/overlays/local/nginx.yaml');
    const ports = nginx.spec.kubernetes.service.nodePorts.map(({ port }: { port: number }) => String(port));
    const mapped = yaml('loadtest/kind-cluster.yaml').nodes[0].extraPortMappings.map(
      ({ hostPort }: { hostPort: number }) => String(hostPort),
    );
    expect(JSON.stringify(overlay.patches)).toContain(`[${constant('ROUTE_HOST')}]`);
    expect(ports).toContain(constant('GATEWAY_PORT'));
    expect(mapped).toContain(constant('GATEWAY_PORT'));
    expect(overlay.namespace).toBe(constant('NAMESPACE'));
  });

  it('about how kubelets of kind are trusted', () => {
    const [{ patch }] = yaml('argocd/kind/kustomization.yaml').patches;
    const [{ value }] = parse(patch);
    const [, script = ''] = /patch: \|-\n([\s\S]*?)\nEND/.exec(read('loadtest/cluster/create.sh')) ?? [];
    expect(parse(script)).toEqual(parse(value.patches[0].patch));
  });

  it('about the version of Argo CD', () => {
    const [, version = 'none'] = /argo-cd\/(v[\d.]+)\//.exec(read('argocd/install/kustomization.yaml')) ?? [];
    expect(read('loadtest/cluster/gitops/git-server.yaml')).toContain(
      `image: quay.io/argoproj/argocd:${version}\n`,
    );
  });
});

describe('create.sh', () => {
  it('makes the cluster and installs what argocd/platform names, in its versions', () => {
    const cluster = new FakeCluster();
    expect(cluster.run('create.sh')).toMatchObject({ code: 0 });
    const nginx = platform('nginx-gateway-fabric');
    const gateway = platform('gateway-api');
    const calls = cluster.calls();
    expectInOrder(
      calls,
      /^kind create cluster --name cv-inference --config loadtest\/kind-cluster\.yaml --wait/,
      /get --raw \/readyz/,
      new RegExp(`apply .*--kustomize ${gateway.repoURL}//${gateway.path}\\?ref=${gateway.targetRevision}$`),
      /wait --for=condition=Established .*crd\/gateways/,
      new RegExp(
        `^helm upgrade nginx-gateway-fabric oci://${nginx.repoURL}/${nginx.chart} .*--version ${nginx.targetRevision} `,
      ),
      /rollout status deployment\/metrics-server/,
    );
  });

  it('installs metrics-server of argocd/platform, with the patch for kind', () => {
    const kept = join(emptyFolder(), 'kustomization.yaml');
    const cluster = new FakeCluster([
      { call: 'apply .*--kustomize /', does: `cp "\${!#}/kustomization.yaml" ${kept}` },
    ]);
    cluster.run('create.sh');
    const { resources, patches } = parse(readFileSync(kept, 'utf8'));
    const { repoURL, path, targetRevision } = platform('metrics-server');
    expect(resources).toEqual([`${repoURL}//${path}?ref=${targetRevision}`]);
    expect(patches[0].patch).toContain('--kubelet-insecure-tls');
  });

  it('leaves a cluster that is there, and only brings it up to date', () => {
    const cluster = new FakeCluster();
    cluster.run('create.sh');
    expect(cluster.run('create.sh')).toMatchObject({ code: 0 });
    expect(cluster.calls(/^kind create/)).toHaveLength(1);
    expect(cluster.calls(/^kind export kubeconfig --name cv-inference/)).toHaveLength(1);
    expect(cluster.calls(/^helm upgrade .*--install/)).toHaveLength(2);
  });

  it('tries again where a download fails', () => {
    const cluster = new FakeCluster([
      { call: '^kind create', failures: 1, does: `echo cv-inference >"$here/../clusters"` },
      { call: '^helm upgrade', failures: 2 },
    ]);
    expect(cluster.run('create.sh')).toMatchObject({ code: 0 });
    expect(cluster.calls(/^helm/)).toHaveLength(3);
  });

  it.each<[string, Rule]>([
    ['kind cannot create it', { call: '^kind create', code: 1 }],
    ['it does not answer', { call: 'readyz', code: 1 }],
    ['the gateway cannot be installed', { call: '^helm', code: 1 }],
    ['metrics-server does not start', { call: 'deployment/metrics-server', code: 1 }],
  ])('fails with a message, and leaves nothing behind, where %s', (_, rule) => {
    const cluster = new FakeCluster([rule]);
    const { code, stderr } = cluster.run('create.sh');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/given up after \d attempts/);
    expect(readdirSync(cluster.folder).filter((name) => name.startsWith('tmp.'))).toEqual([]);
  });

  it('names the tools that are missing', () => {
    const bin = emptyFolder();
    const { code, stderr } = run('/bin/bash', [join(ROOT, 'loadtest/cluster/create.sh')], {
      bin,
      env: { PATH: `${bin}:/usr/bin:/bin` },
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/create\.sh: needs .*kind.*helm/);
  });
});

describe('every script', () => {
  it('talks to its own cluster, whatever context is set, and to another where CLUSTER says so', () => {
    const cluster = new FakeCluster([{ call: '^kind get clusters', stdout: 'mine\n' }]);
    for (const script of ['create.sh', 'deploy.sh', 'validate.sh', 'logs.sh']) {
      cluster.run(script, [], { CLUSTER: 'mine' });
    }
    const toServer = cluster.calls(/^kubectl (?!kustomize)/);
    expect(toServer.length).toBeGreaterThan(25);
    expect(toServer.filter((call) => !call.startsWith('kubectl --context kind-mine '))).toEqual([]);
    const ofKind = cluster.calls(/^kind (create|load|export)/);
    expect(ofKind.filter((call) => !call.includes('--name mine'))).toEqual([]);
    expect(cluster.calls(/^helm/)[0]).toContain('--kube-context kind-mine');
  });
});

describe('image.sh', () => {
  it('builds, and names the image by its content', () => {
    const cluster = new FakeCluster();
    expect(cluster.run('image.sh')).toMatchObject({ code: 0, stdout: 'cv-inference:0123456789ab\n' });
    expectInOrder(
      cluster.calls(),
      /^docker build --tag cv-inference:local \.$/,
      /^docker tag cv-inference:local cv-inference:0123456789ab$/,
      /^kind load docker-image cv-inference:0123456789ab --name cv-inference$/,
    );
  });

  it('takes an image that is there', () => {
    const cluster = new FakeCluster();
    cluster.run('image.sh', [], { IMAGE: 'elsewhere:1' });
    expect(cluster.calls(/^docker build/)).toEqual([]);
    expect(cluster.calls(/^docker tag elsewhere:1 /)).toHaveLength(1);
  });

  it('fails where there is no such image, and where it cannot be loaded', () => {
    const without = new FakeCluster([{ call: 'image inspect', code: 1 }]).run('image.sh', [], {
      IMAGE: 'no:1',
    });
    expect(without).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('has no image no:1'),
    });
    const broken = new FakeCluster([{ call: 'kind load', code: 1 }]);
    expect(broken.run('image.sh')).toMatchObject({ code: 1, stdout: '' });
    expect(broken.calls(/^kind load/)).toHaveLength(3);
  });
});

describe('deploy.sh', () => {
  const keeping = (file: string): Rule => ({ call: 'apply .*--filename', does: `cp "\${!#}" ${file}` });

  it('applies the overlay with the image that was built, and waits for all of it', () => {
    const kept = join(emptyFolder(), 'manifests.yaml');
    const cluster = new FakeCluster([keeping(kept)]).created();
    expect(cluster.run('deploy.sh')).toMatchObject({ code: 0 });
    expect(readFileSync(kept, 'utf8')).toContain('image: cv-inference:0123456789ab\n');
    expectInOrder(
      cluster.calls(),
      /^kind load/,
      /delete job s3-local-upload --ignore-not-found/,
      /apply --server-side --force-conflicts/,
      /wait --for=condition=Complete .*job\/s3-local-upload/,
      /rollout status deployment\.apps\/cv-inference --timeout=/,
      /rollout status statefulset\.apps\/x --timeout=/,
      /wait --for=condition=Programmed .*gateway\/cv-inference/,
    );
  });

  it('does the same a second time, so that the same image rolls nothing out', () => {
    const kept = [1, 2].map((nth) => join(emptyFolder(), `${nth}`));
    const texts = kept.map((file) => {
      expect(new FakeCluster([keeping(file)]).created().run('deploy.sh')).toMatchObject({ code: 0 });
      return readFileSync(file, 'utf8');
    });
    expect(texts[0]).toBe(texts[1]);
  });

  it.skipIf(absent('kustomize'))('finds the image in the overlay as it is', () => {
    const kept = join(emptyFolder(), 'manifests.yaml');
    const cluster = new FakeCluster([
      { call: '^kubectl kustomize', does: `"${tool('kustomize')}" build "\${!#}"` },
      keeping(kept),
    ]).created();
    expect(cluster.run('deploy.sh')).toMatchObject({ code: 0 });
    const images = parseAllDocuments(readFileSync(kept, 'utf8'))
      .map((document) => JSON.stringify(document))
      .flatMap((text) => [...text.matchAll(/"image":"(cv-inference:[^"]+)"/g)].map(([, image]) => image));
    expect(images).toEqual(Array(3).fill('cv-inference:0123456789ab'));
  });

  it.each<[string, Rule, RegExp]>([
    ['there is no cluster', { call: 'kind get clusters' }, /there is no cluster cv-inference/],
    ['nothing can be applied', { call: 'apply', code: 1 }, /given up after 4 attempts/],
    ['the overlay has no such image', { call: 'kustomize', stdout: 'image: other:1\n' }, /does not run/],
    ['a rollout fails', { call: 'rollout status deployment.apps/cv-inference', code: 1 }, /^/],
    ['the model is not uploaded', { call: 'condition=Complete', code: 1 }, /^/],
    ['there is nothing to wait for', { call: 'get deployment,statefulset' }, /there is no deployment/],
  ])('fails where %s', (_, rule, message) => {
    const { code, stderr } = new FakeCluster([rule]).created().run('deploy.sh');
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain(' runs: ');
  });
});

describe('validate.sh', () => {
  it('finds nodes, DNS, endpoints, autoscaler, gateway and routes in order', () => {
    const { code, stderr } = new FakeCluster().run('validate.sh');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: ['nodes', 'dns', 'endpoints', 'autoscaler', 'gateway', 'routes', 'closed']
        .map((look) => `ok    ${look}\n`)
        .join(''),
    });
  });

  it.each<[string, Rule]>([
    ['nodes', { call: 'get nodes', stdout: 'node/a\nnode/b\n' }],
    ['nodes', { call: 'condition=Ready', code: 1 }],
    ['dns', { call: 'exec deployment/cv-inference', code: 1 }],
    ['dns', { call: 'get service cv-inference' }],
    ['endpoints', { call: 'get endpointslices', stdout: '10.244.1.2\n' }],
    ['endpoints', { call: 'get endpointslices', code: 1 }],
    ['autoscaler', { call: 'apiservice/v1beta1.metrics.k8s.io', code: 1 }],
    ['autoscaler', { call: 'condition=ScalingActive', code: 1 }],
    ['gateway', { call: 'condition=Programmed', code: 1 }],
    ['gateway', { call: 'ResolvedRefs', code: 1 }],
    ['routes', { call: '^curl .*/model', stdout: '502' }],
    [
      'routes',
      { call: '^curl .*/predict', does: 'echo \'{"predictions":[{"label":"1"}]}\' >"$6"', stdout: '200' },
    ],
    ['routes', { call: '^curl', code: 7 }],
    ['closed', { call: '^curl .*/metrics', stdout: '200' }],
    ['closed', { call: '^curl .*other.localhost', stdout: '200' }],
  ])('fails, and names it, where it is not so: %s %j', (look, rule) => {
    const cluster = new FakeCluster([rule]);
    const { code, stderr } = cluster.run('validate.sh');
    expect(code).toBe(1);
    expect(stderr).toContain(`validate.sh: ${look}: not as it should be`);
    expect(stderr).not.toContain(`ok    ${look}`);
  });

  it('waits longer each time, and goes on where it becomes so', () => {
    const cluster = new FakeCluster([
      { call: '^curl .*cv-inference.localhost .*/model$', failures: 6, stdout: '200' },
    ]);
    cluster.run('validate.sh');
    expect(cluster.calls(/^sleep/)).toEqual([2, 4, 8, 16, 30, 30].map((seconds) => `sleep ${seconds}`));
  });
});

describe('loadtest.sh', () => {
  it('runs k6, of the version that is tested here, in the network of the cluster, and takes the reports out', () => {
    const cluster = new FakeCluster();
    expect(cluster.run('loadtest.sh', [], { RATE: '9' })).toMatchObject({ code: 0 });
    const [, version] = /go\.k6\.io\/k6 v([\d.]+)/.exec(read('.github/tests/tools/k6/go.mod')) ?? [];
    const runs = cluster.calls(/^docker run/);
    expect(runs.map((call) => /loadtest\/k6\/\w+\.js$/.exec(call)?.[0])).toEqual([
      'loadtest/k6/smoke.js',
      'loadtest/k6/steady.js',
    ]);
    for (const part of [
      '--network kind',
      `--volume ${ROOT}:/repository:ro`,
      `--volume ${cluster.out}:/out`,
      '--env TARGET=http://cv-inference-control-plane:30080',
      '--env HOST_HEADER=cv-inference.localhost',
      '--env OUT=/out',
      '--env RATE ',
      `grafana/k6:${version} run`,
    ]) {
      expect(runs[0]).toContain(part);
    }
  });

  it('ends with 99 where a gate is crossed, after the other scenarios', () => {
    const cluster = new FakeCluster([{ call: '^docker run .*smoke', code: 99 }]);
    const { code, stderr } = cluster.run('loadtest.sh');
    expect(code).toBe(99);
    expect(stderr).toContain('gates crossed: smoke');
    expect(cluster.calls(/^docker run/)).toHaveLength(2);
  });

  it.each([1, 107, 125, 137])('calls it no result where k6 ends with %i', (code) => {
    const ended = new FakeCluster([{ call: '^docker run', code }]).run('loadtest.sh');
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining(`ended with ${code}`) });
  });

  it('refuses a scenario that does not exist', () => {
    const cluster = new FakeCluster();
    expect(cluster.run('loadtest.sh', ['../peers'])).toMatchObject({ code: 1 });
    expect(cluster.calls(/^docker run/)).toEqual([]);
  });
});

describe('logs.sh', () => {
  it('keeps what it can get, without secrets, and never fails', () => {
    const cluster = new FakeCluster([{ call: '^kubectl|^kind', code: 1 }]);
    expect(cluster.run('logs.sh')).toMatchObject({ code: 0 });
    expect(existsSync(join(cluster.out, 'cluster/events.txt'))).toBe(true);
    expect(cluster.calls(/^kind export logs/)).toHaveLength(1);
    expect(cluster.calls(/secret/i)).toEqual([]);
  });
});

describe('clean.sh', () => {
  it('removes the cluster, and is content where there is none', () => {
    const cluster = new FakeCluster().created();
    expect(cluster.run('clean.sh')).toMatchObject({ code: 0 });
    expect(cluster.run('clean.sh')).toMatchObject({ code: 0 });
    expect(cluster.calls(/^kind delete/)).toEqual(['kind delete cluster --name cv-inference']);
  });

  it('fails where it cannot be removed', () => {
    expect(new FakeCluster([{ call: '^kind delete', code: 1 }]).created().run('clean.sh').code).not.toBe(0);
  });
});

it('make calls the scripts', () => {
  const { stdout } = run('make', [
    '-n',
    'cluster',
    'deploy',
    'validate',
    'loadtest',
    'gitops',
    'logs',
    'clean',
  ]);
  const scripts = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim());
  expect(scripts).toHaveLength(7);
  for (const script of scripts) expect(existsSync(join(ROOT, script)), script).toBe(true);
});

describe('gitops', () => {
  const APPLICATION = /status\.operationState/.source;

  /** A Git server that kubectl exec reaches, as in the cluster. @param rules given `git -C` of its repository */
  function withGit(rules: (main: string) => readonly Rule[]): { cluster: FakeCluster; repository: string } {
    const repository = join(emptyFolder(), 'r.git');
    run('git', ['init', '--quiet', '--bare', '--initial-branch=main', repository]);
    const cluster = new FakeCluster([
      ...rules(`git -C ${repository}`),
      {
        call: 'exec --stdin deployment/git -- git-receive-pack',
        does: `exec git-receive-pack ${repository}`,
      },
      { call: 'kustomize --load-restrictor', stdout: '- ghcr.io/x=cv-inference:local\n' },
    ]).created();
    return { cluster, repository };
  }
  const recordOf = (cluster: FakeCluster, name: string): string =>
    readFileSync(join(cluster.out, `gitops-${name}.tsv`), 'utf8');

  /** What is on disk here, as a commit in a clone of its own. */
  function committed(): string {
    const folder = emptyFolder();
    cpSync(join(ROOT, 'loadtest/cluster'), join(folder, 'loadtest/cluster'), { recursive: true });
    cpSync(join(ROOT, 'k8s/base'), join(folder, 'k8s/base'), { recursive: true });
    const author = ['-c', 'user.name=test', '-c', 'user.email=test@localhost'];
    run('git', ['init', '--quiet', folder]);
    run('git', ['-C', folder, 'add', '--all']);
    run('git', ['-C', folder, ...author, 'commit', '--quiet', '--message', 'Before']);
    return folder;
  }

  it('installs Argo CD, and has it deploy the commit that is checked out', () => {
    const checkout = committed();
    const head = run('git', ['-C', checkout, 'rev-parse', 'HEAD']).stdout.trim();
    const { cluster, repository } = withGit(() => [
      { call: APPLICATION, stdout: `Synced ${head} Succeeded Healthy` },
    ]);
    expect(cluster.run('gitops/install.sh', [], {}, checkout)).toMatchObject({ code: 0 });
    expect(run('git', ['-C', repository, 'rev-parse', 'main']).stdout.trim()).toBe(head);
    expectInOrder(
      cluster.calls(),
      /apply .*--kustomize argocd\/install$/,
      /--namespace argocd wait --for=condition=Available/,
      /apply .*git-server\.yaml$/,
      /git-receive-pack/,
      /apply .*manifests\.yaml$/,
      /annotate application cv-inference-demo argocd\.argoproj\.io\/refresh/,
    );
    expect(recordOf(cluster, 'install')).toMatch(/^Argo CD deploys [0-9a-f]{7} from nothing\tyes\t\d+\n$/);
  });

  it('refuses a shallow clone, which Argo CD would not fetch from', () => {
    const shallow = emptyFolder();
    run('git', ['clone', '--quiet', '--depth', '1', `file://${committed()}`, shallow]);
    const ended = new FakeCluster().created().run('gitops/install.sh', [], {}, shallow);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('--unshallow') });
  });

  it.skipIf(absent('kustomize'))('deploys by the policy of staging, out of the cluster', () => {
    const { stdout } = run(tool('kustomize') ?? '', [
      'build',
      '--load-restrictor',
      'LoadRestrictionsNone',
      'loadtest/cluster/gitops',
    ]);
    const objects = parseAllDocuments(stdout).map((document) => document.toJS());
    const application = objects.find(({ kind }) => kind === 'Application');
    const project = objects.find(({ kind }) => kind === 'AppProject');
    const { syncPolicy, ignoreDifferences } = yaml('argocd/environments/staging.yaml').spec;
    expect(application.spec).toMatchObject({
      syncPolicy,
      ignoreDifferences,
      project: project.metadata.name,
      destination: { namespace: 'cv-inference' },
      source: { path: 'k8s/overlays/local', repoURL: project.spec.sourceRepos[0] },
    });
  });

  it('deploys by a commit and rolls back by its revert', () => {
    const checkout = committed();
    const { cluster, repository } = withGit((main) => [
      // The cluster runs whatever main is.
      { call: APPLICATION, does: `printf 'Synced %s Succeeded Healthy' "$(${main} rev-parse main)"` },
      {
        call: 'exec deployment/cv-inference -- node',
        does: `${main} show main:k8s/base/config.env | sed -n 's/^LOG_LEVEL=//p' | grep . || echo unset`,
      },
    ]);
    expect(cluster.run('gitops/deploy.sh', [], {}, checkout)).toMatchObject({ code: 0 });
    expect(recordOf(cluster, 'deploy')).toMatch(/new pods\tyes\t\d+\n.*before\tyes\t\d+\n$/);
    const git = (folder: string, ...args: string[]): string => run('git', ['-C', folder, ...args]).stdout;
    expect(git(repository, 'log', '--format=%s', 'main')).toBe('Revert "Log more"\nLog more\nBefore\n');
    expect(git(repository, 'rev-parse', 'main^{tree}')).toBe(git(checkout, 'rev-parse', 'HEAD^{tree}'));
    // Neither the checkout nor its branches have changed.
    expect(git(checkout, 'log', '--format=%s', '--all')).toBe('Before\n');
    expect(git(checkout, 'worktree', 'list').trim().split('\n')).toHaveLength(1);
    expect(git(checkout, 'status', '--short')).toBe('');
  });

  const SYNCED: Rule = { call: 'status\\.sync\\.status', stdout: 'Synced' };
  /** A field that a patch changes, and that comes back at the third look. */
  const healing = (times: number): Rule[] => [
    { call: 'patch deployment cv-inference', does: 'echo 3 >"$here/looks"', stdout: '99' },
    {
      call: 'jsonpath=.*minReadySeconds',
      does: `looks=$(cat "$here/looks" 2>/dev/null || echo 0)
        ((looks == 0)) || echo $((looks - ${times})) >"$here/looks"
        if ((looks > 0)); then printf 99; else printf 5; fi`,
    },
  ];

  it('measures how long self-heal takes, for a field and for an object', () => {
    const cluster = new FakeCluster([
      SYNCED,
      ...healing(1),
      { call: 'delete service cv-inference', does: 'touch "$here/deleted"' },
      {
        call: 'get service cv-inference --ignore-not-found',
        does: 'if [[ -f $here/deleted ]]; then printf new; else printf old; fi',
      },
    ]);
    expect(cluster.run('gitops/self-heal.sh')).toMatchObject({ code: 0 });
    expect(recordOf(cluster, 'self-heal')).toMatch(/is 5 again\tyes\t\d+\n.*there again\tyes\t\d+\n$/);
    expect(cluster.calls(/^sleep 1$/)).toHaveLength(3);
  });

  it('does not take it for healed where nothing was changed', () => {
    const cluster = new FakeCluster([
      SYNCED,
      { call: 'patch deployment', stdout: '5' },
      { call: 'minReadySeconds', stdout: '5' },
    ]);
    expect(cluster.run('gitops/self-heal.sh')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing was changed'),
    });
  });

  it('reports drift, and that self-heal takes it away', () => {
    const diff = `--- /tmp/LIVE-1/apps.v1.Deployment.cv-inference.cv-inference\t2026
+++ /tmp/MERGED-2/apps.v1.Deployment.cv-inference.cv-inference\t2026
@@ -1 +1 @@
-  minReadySeconds: 99
+  minReadySeconds: 5
`;
    const cluster = new FakeCluster([
      SYNCED,
      { call: 'diff --server-side', stdout: diff, code: 1 },
      { call: 'OutOfSync', stdout: 'PodDisruptionBudget/cv-inference\nDeployment/cv-inference\n' },
    ]);
    const { code, stdout } = cluster.run('gitops/drift.sh');
    expect(code).toBe(0);
    expect(stdout).toContain('- `Deployment/cv-inference`\n');
    expect(stdout).toContain(
      '--- apps.v1.Deployment.cv-inference.cv-inference\n+++ apps.v1.Deployment.cv-inference.cv-inference\n@@ -1 +1 @@\n-  minReadySeconds: 99\n+  minReadySeconds: 5\n',
    );
    expectInOrder(
      cluster.calls(),
      /selfHeal":false/,
      /patch poddisruptionbudget/,
      /diff --server-side/,
      /selfHeal":true/,
    );
  });

  it('fails where the drift cannot be told', () => {
    const cluster = new FakeCluster([
      SYNCED,
      { call: 'diff --server-side', code: 2 },
      { call: 'OutOfSync', stdout: 'PodDisruptionBudget/cv-inference\nDeployment/cv-inference\n' },
    ]);
    expect(cluster.run('gitops/drift.sh')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('diff ended with 2'),
    });
  });

  /** @param later what they are once they have been scaled to 4 */
  const scaling = (later: number, load: Omit<Rule, 'call'> = {}): FakeCluster =>
    new FakeCluster([
      SYNCED,
      { call: '^docker run .*steady', ...load },
      { call: 'spec.minReplicas', stdout: '2' },
      {
        call: 'get deployment cv-inference .*spec.replicas',
        does: `if [[ -f $here/seen ]]; then printf ${later}; else touch "$here/seen"; printf 4; fi`,
      },
    ]);
  const LEFT_ALONE = /leaves its 4 replicas alone\tyes/;

  it('sees that replicas stay under load, whatever its gates', () => {
    const settings = join(emptyFolder(), 'settings');
    const cluster = scaling(4, { does: `echo "$RATE $DURATION $OUT" >${settings}`, code: 99 });
    expect(cluster.run('gitops/test.sh', [], { HOLD_S: '1' })).toMatchObject({ code: 0 });
    expect(recordOf(cluster, 'test')).toMatch(LEFT_ALONE);
    expect(readFileSync(settings, 'utf8')).toBe(`250 240s ${cluster.out}/load\n`);
    expectInOrder(cluster.calls(), /\/model$/, /smoke\.js$/, /steady\.js$/);
  });

  it.each<[string, number, Omit<Rule, 'call'>]>([
    ['replicas are taken back', 2, {}],
    ['there was no load', 4, { code: 125 }],
  ])('fails where %s', (_, later, load) => {
    expect(scaling(later, load).run('gitops/test.sh', [], { HOLD_S: '1' }).code).toBe(1);
  });

  it('sums up what was shown, and fails where something was not, or nothing was', () => {
    const folder = emptyFolder();
    const report = () => new FakeCluster().run('gitops/report.sh', [folder]);
    expect(report().code).toBe(1);
    mkdirSync(join(folder, 'a'));
    writeFileSync(join(folder, 'a/gitops-a.tsv'), 'One thing\tyes\t7\n');
    expect(report()).toMatchObject({ code: 0, stdout: expect.stringContaining('| One thing | yes | 7 |') });
    writeFileSync(join(folder, 'a/gitops-b.tsv'), 'Another\tno\t120\n');
    expect(report()).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('| Another | **no** | 120 |'),
    });
  });
});
