import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type Application,
  type ApplicationSet,
  type ApplicationSpec,
  type AppProject,
  instantiate,
  isApplication,
  isApplicationSet,
  isAppProject,
  renderApplication,
  renderEverything,
  renderInstallation,
} from './support/argocd.js';
import { type Labels, matches, valuesAt } from './support/pods.js';
import { refusesApplication, refusesObject } from './support/project-permissions.js';
import type { KubernetesObject } from './support/render.js';
import { listSources, sourcesAbsent } from './support/sources.js';
import { absent } from './support/tools.js';

const REPOSITORY_ROOT = join(import.meta.dirname, '../..');
const README = readFileSync(join(REPOSITORY_ROOT, 'argocd/README.md'), 'utf8');
const EXACT_VERSION = /^v?\d+\.\d+\.\d+$/;

function waveOf({ metadata }: KubernetesObject): number {
  return Number(metadata.annotations?.['argocd.argoproj.io/sync-wave'] ?? 0);
}

describe.skipIf(absent('kustomize') || sourcesAbsent())('Argo CD', () => {
  let manifests: KubernetesObject[] = [];
  let applications: Application[] = [];
  let projects: AppProject[] = [];
  let sets: ApplicationSet[] = [];
  let ownUrl = '';

  const named = (name: string): Application => {
    const found = applications.find(({ metadata }) => metadata.name === name);
    if (found === undefined) throw new Error(`no application ${name}`);
    return found;
  };
  const projectOf = ({ project }: ApplicationSpec): AppProject => {
    const found = projects.find(({ metadata }) => metadata.name === project);
    if (found === undefined) throw new Error(`no project ${project}`);
    return found;
  };
  const environments = () => applications.filter(({ spec }) => spec.source.path?.startsWith('k8s/overlays/'));
  const fromGit = () => applications.filter(({ spec }) => spec.source.chart === undefined);

  beforeAll(async () => {
    manifests = await renderEverything();
    sets = manifests.filter(isApplicationSet);
    applications = [...manifests.filter(isApplication), ...sets.flatMap(instantiate)];
    projects = manifests.filter(isAppProject);
    ownUrl = named('cv-inference-root').spec.source.repoURL;
  });

  it('has an application for each environment, a preview, and one for each part of the platform', () => {
    expect(applications.map(({ metadata }) => metadata.name).sort()).toEqual([
      'argo-rollouts',
      'aws-load-balancer-controller',
      'cert-manager',
      'cv-inference-pr-7',
      'cv-inference-production',
      'cv-inference-production-gpu',
      'cv-inference-root',
      'cv-inference-staging',
      'eks',
      'external-secrets',
      'gateway-api',
      'gitops-monitoring',
      'karpenter',
      'keda',
      'kube-prometheus-stack',
      'kyverno',
      'metrics-server',
      'nginx-gateway-fabric',
      'nvidia-device-plugin',
    ]);
  });

  it('creates projects, applications and application sets in its own namespace and nothing else', () => {
    const names = manifests.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { kind, metadata } of manifests) {
      expect(['AppProject', 'Application', 'ApplicationSet']).toContain(kind);
      expect(metadata.namespace).toBe('argocd');
    }
  });

  it('uses no wildcard project, and projects without wildcards', () => {
    for (const { spec } of applications) expect(spec.project).not.toBe('default');
    for (const { metadata, spec } of projects) {
      const { sourceRepos, destinations, clusterResourceWhitelist, namespaceResourceWhitelist } = spec;
      const kinds = [...clusterResourceWhitelist, ...namespaceResourceWhitelist];
      const patterns = [
        ...sourceRepos,
        ...destinations.flatMap(({ server, namespace }) => [server, namespace]),
        ...kinds.flatMap(({ group, kind, name = '' }) => [group, kind, name]),
      ].filter((pattern) => pattern.includes('*'));
      const allowed = metadata.name === 'cv-inference-previews' ? ['cv-inference-pr-*'] : [];
      expect([...new Set(patterns)], metadata.name).toEqual(allowed);
    }
  });

  it('lets each application use its project: source, destination, and every object that it creates', async () => {
    for (const { metadata, spec } of applications) {
      expect(refusesApplication(projectOf(spec), spec), metadata.name).toEqual([]);
    }
    for (const { metadata, spec } of fromGit()) {
      const objects =
        metadata.name === 'cv-inference-root' ? manifests : await renderApplication(spec, ownUrl);
      expect(objects.length).toBeGreaterThan(0);
      const refused = objects.map((object) => refusesObject(projectOf(spec), spec, object));
      expect(
        refused.filter((reason) => reason !== undefined),
        metadata.name,
      ).toEqual([]);
    }
  });

  it('keeps pull requests away from the environments and from cluster-wide objects', () => {
    const { spec } = named('cv-inference-pr-7');
    const object = (apiVersion: string, kind: string, namespace?: string): KubernetesObject => ({
      apiVersion,
      kind,
      metadata: { name: 'cv-inference', ...(namespace === undefined ? {} : { namespace }) },
    });
    const project = projectOf(spec);
    expect(refusesObject(project, spec, object('apps/v1', 'Deployment'))).toBeUndefined();
    for (const refused of [
      object('apps/v1', 'Deployment', 'cv-inference'),
      object('v1', 'Namespace'),
      object('v1', 'Secret'),
      object('rbac.authorization.k8s.io/v1', 'RoleBinding'),
      object('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'),
    ]) {
      expect(refusesObject(project, spec, refused), refused.kind).toBeDefined();
    }
  });

  it('syncs by itself, prunes, heals and retries, by server-side apply', () => {
    for (const { metadata, spec } of applications) {
      const { automated, syncOptions, retry } = spec.syncPolicy;
      expect(automated, metadata.name).toEqual({ enabled: true, prune: true, selfHeal: true });
      expect(syncOptions, metadata.name).toContain('ServerSideApply=true');
      expect(retry.limit, metadata.name).not.toBe(0);
      expect(retry.backoff, metadata.name).toBeDefined();
    }
  });

  it('takes down what it deployed, but never the definitions that others use', () => {
    const finalizer = 'resources-finalizer.argocd.argoproj.io/foreground';
    for (const { metadata } of [...environments(), named('cv-inference-pr-7')]) {
      expect(metadata.finalizers, metadata.name).toContain(finalizer);
    }
    for (const { metadata, spec } of applications) {
      if (spec.project === 'platform') expect(metadata.finalizers, metadata.name).toBeUndefined();
    }
  });

  it('takes this repository from its main branch and everything else from an exact version', () => {
    for (const { metadata, spec } of applications) {
      const { repoURL, targetRevision } = spec.source;
      if (metadata.name === 'cv-inference-pr-7') expect(targetRevision).toBe('0123456789abcdef');
      else if (repoURL === ownUrl) expect(targetRevision).toBe('main');
      else expect(targetRevision, metadata.name).toMatch(EXACT_VERSION);
    }
  });

  it('runs no image of another project at a tag that moves', async () => {
    for (const { metadata, spec } of fromGit().filter(({ spec }) => spec.project === 'platform')) {
      const rendered = JSON.stringify(await renderApplication(spec, ownUrl));
      for (const [, image = ''] of rendered.matchAll(/"image":"([^"]+)"/g)) {
        expect(image.split(/[:@]/)[1], `${image} of ${metadata.name}`).toMatch(EXACT_VERSION);
      }
    }
  });

  it('creates what brings definitions before what uses them', () => {
    const wave = (name: string) => waveOf(named(name));
    const environments = Math.min(...sets.map(waveOf));
    for (const project of projects) expect(waveOf(project), project.metadata.name).toBeLessThan(0);
    expect(wave('gateway-api')).toBeLessThan(wave('nginx-gateway-fabric'));
    expect(wave('karpenter')).toBeLessThan(wave('eks'));
    for (const { metadata, spec } of applications.filter(({ spec }) => spec.project === 'platform')) {
      expect(wave(metadata.name), spec.source.repoURL).toBeLessThan(environments);
    }
  });

  it('scrapes Argo CD and Argo Rollouts: each monitor finds one Service, with its port', async () => {
    const services = [
      ...(await renderInstallation()),
      ...(await renderApplication(named('argo-rollouts').spec, ownUrl)),
    ].filter(({ kind }) => kind === 'Service');
    const monitors = (await renderApplication(named('gitops-monitoring').spec, ownUrl)).filter(
      ({ kind }) => kind === 'ServiceMonitor',
    );
    expect(monitors).toHaveLength(2);
    for (const monitor of monitors) {
      const [selector = {}] = valuesAt(monitor, 'spec.selector.matchLabels') as Labels[];
      const found = services.filter(({ metadata }) => matches(selector, metadata.labels ?? {}));
      expect(found, monitor.metadata.name).toHaveLength(1);
      const ports = valuesAt(found[0], 'spec.ports[].name');
      expect(ports).toEqual(expect.arrayContaining(valuesAt(monitor, 'spec.endpoints[].port')));
    }
  });

  it('previews labelled pull requests, each at its commit and in its namespace, with its image', async () => {
    const preview = sets.find(({ metadata }) => metadata.name === 'cv-inference-previews');
    expect(preview?.spec).toMatchObject({
      goTemplate: true,
      goTemplateOptions: ['missingkey=error'],
      generators: [{ pullRequest: { github: { labels: ['preview'] }, requeueAfterSeconds: 300 } }],
    });
    expect(preview?.spec.template.spec.project).not.toContain('{{');
    const objects = await renderApplication(named('cv-inference-pr-7').spec, ownUrl);
    for (const { kind, metadata } of objects) {
      expect(kind === 'Namespace' ? metadata.name : metadata.namespace, kind).toBe('cv-inference-pr-7');
    }
    expect(JSON.stringify(objects.find(({ kind }) => kind === 'Deployment'))).toContain(
      '"image":"ghcr.io/cv-inference/cv-inference:sha-0123456"',
    );
  });

  it('follows a copy whose URL is written in root.yaml', async () => {
    const fork = await renderEverything((root) =>
      root.replaceAll(ownUrl, 'https://github.com/someone/their-fork'),
    );
    const preview = fork
      .filter(isApplicationSet)
      .find(({ metadata }) => metadata.name === 'cv-inference-previews');
    const text = JSON.stringify(fork).replaceAll('ghcr.io/cv-inference/cv-inference', 'the image');
    expect(text).not.toContain('cv-inference/cv-inference');
    expect(preview?.spec.generators[0]?.pullRequest?.github).toMatchObject({
      owner: 'someone',
      repo: 'their-fork',
    });
  });

  it('installs the versions that the manifests are held to', () => {
    const sources = listSources().map(({ name, version }) => `${name} ${version}`);
    const installed = fromGit().filter(
      ({ spec }) => spec.project === 'platform' && spec.source.repoURL !== ownUrl,
    );
    expect(installed).toHaveLength(4);
    for (const { metadata, spec } of installed) {
      expect(sources).toContain(`${metadata.name} ${spec.source.targetRevision}`);
    }
  });

  it('tells an EKS cluster of what Terraform makes for it, under the name of one environment', async () => {
    const read = (file: string) =>
      readFileSync(join(REPOSITORY_ROOT, 'infrastructure/modules/eks', file), 'utf8');
    const made = (file: string, suffix: string): string => {
      expect(read(file)).toMatch(new RegExp(`name += "\\$\\{var\\.name\\}${suffix}"`));
      return `cv-inference-production${suffix}`;
    };
    const values = (name: string) => named(name).spec.source.helm?.valuesObject;
    const objects = await renderApplication(named('eks').spec, ownUrl);
    const [nodeClass] = objects.filter(({ kind }) => kind === 'EC2NodeClass');
    expect(values('karpenter')?.['settings']).toEqual({
      clusterName: 'cv-inference-production',
      interruptionQueue: made('karpenter.tf', '-interruptions'),
    });
    expect(values('aws-load-balancer-controller')).toMatchObject({
      clusterName: 'cv-inference-production',
      vpcTags: { Name: 'cv-inference-production' },
    });
    expect(valuesAt(nodeClass, 'spec.instanceProfile')).toEqual([made('nodes.tf', '-node')]);
    for (const field of ['spec.subnetSelectorTerms[].tags', 'spec.securityGroupSelectorTerms[].tags']) {
      expect(valuesAt(nodeClass, field)).toEqual([{ 'karpenter.sh/discovery': 'cv-inference-production' }]);
    }
    for (const taint of objects.flatMap((object) => valuesAt(object, 'spec.template.spec.taints[]'))) {
      const { key, value } = taint as { key: string; value: string };
      expect(read('nodes.tf')).toContain(`taints = { "${key}" = "${value}" }`);
    }
  });

  it('starts nodes for training on spot, no more of any kind than is said, and ends those that are not needed', async () => {
    const objects = await renderApplication(named('eks').spec, ownUrl);
    const pools = objects.filter(({ kind }) => kind === 'NodePool');
    const capacityOf = (pool: KubernetesObject): unknown =>
      (valuesAt(pool, 'spec.template.spec.requirements[]') as { key: string; values: string[] }[]).find(
        ({ key }) => key === 'karpenter.sh/capacity-type',
      )?.values;
    expect(Object.fromEntries(pools.map((pool) => [pool.metadata.name, capacityOf(pool)]))).toEqual({
      general: ['on-demand'],
      training: ['spot'],
      gpu: ['spot', 'on-demand'],
    });
    for (const pool of pools) {
      expect(valuesAt(pool, 'spec.disruption'), pool.metadata.name).toEqual([
        {
          consolidationPolicy: 'WhenEmptyOrUnderutilized',
          consolidateAfter: expect.stringMatching(/^\d+m$/),
        },
      ]);
    }
    expect(
      Object.fromEntries(pools.map((pool) => [pool.metadata.name, valuesAt(pool, 'spec.limits')])),
    ).toEqual({
      general: [{ cpu: 32 }],
      training: [{ cpu: 16 }],
      gpu: [{ 'nvidia.com/gpu': 2 }],
    });
  });

  it('starts no node that pods could take credentials from, or whose volume is not encrypted', async () => {
    const objects = await renderApplication(named('eks').spec, ownUrl);
    const [nodeClass] = objects.filter(({ kind }) => kind === 'EC2NodeClass');
    expect(valuesAt(nodeClass, 'spec.metadataOptions')).toMatchObject([
      { httpPutResponseHopLimit: 1, httpTokens: 'required' },
    ]);
    expect(valuesAt(nodeClass, 'spec.blockDeviceMappings[].ebs.encrypted')).toEqual([true]);
    const [storage] = objects.filter(({ kind }) => kind === 'StorageClass');
    expect(valuesAt(storage, 'parameters.encrypted')).toEqual(['true']);
  });

  it('has a README whose files and applications exist', () => {
    const fromRoot = README.matchAll(/(?:argocd|docs|k8s|service\/models)\/[\w./-]*\w/g);
    const besideIt = README.matchAll(/`([\w-]+(?:\/|\.yaml|\/[\w-]+\.yaml))`/g);
    const paths = [
      ...[...fromRoot].map(([path]) => path),
      ...[...besideIt].map(([, path]) => `argocd/${path}`),
    ];
    expect(paths.length).toBeGreaterThan(10);
    const missing = paths.filter((path) => !existsSync(join(REPOSITORY_ROOT, path)));
    expect(missing).toEqual([]);
    const names = applications.map(({ metadata }) => metadata.name);
    const mentioned = [...README.matchAll(/application (cv-inference-[\w-]+)/g)].map(([, name]) => name);
    expect(mentioned.length).toBeGreaterThan(0);
    expect(names).toEqual(expect.arrayContaining(mentioned));
    const argoCd = listSources().find(({ name }) => name === 'argo-cd');
    expect(README).toContain(argoCd?.version);
  });
});
