import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSettings } from '../../../dashboard/settings.js';
import { isAllowed, type NetworkPolicy, type Peer } from '../support/network-policy.js';
import { containersOf, environmentOf, podsOf, valuesAt } from '../support/pods.js';
import {
  K8S,
  type KubernetesObject,
  type Kustomization,
  render,
  renderKustomization,
} from '../support/render.js';
import { absent } from '../support/tools.js';

const NAMESPACE = 'cv-inference';
const NAME = 'cv-inference-deployment-dashboard';
const COMPONENT = 'components/deployment-dashboard';
const README = readFileSync(join(K8S, COMPONENT, 'README.md'), 'utf8');

/** What the component's README says to write into an overlay. */
function exampleOf(text: string): Pick<Kustomization, 'patches'> {
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(text) ?? [];
  return parse(example);
}

function objectsOf(changes: Partial<Kustomization> = {}): readonly KubernetesObject[] {
  return renderKustomization({
    namespace: NAMESPACE,
    resources: ['base'],
    components: ['components/network-policy', COMPONENT, 'release'],
    ...changes,
  }).objects;
}

function podIn(objects: readonly KubernetesObject[]) {
  const pod = podsOf(objects).find(({ labels }) => labels['app.kubernetes.io/name'] === NAME);
  if (pod === undefined) throw new Error('the dashboard has no pod');
  const [container] = containersOf(pod);
  if (container === undefined) throw new Error('the dashboard has no container');
  return { pod, container };
}

function settingsIn(objects: readonly KubernetesObject[]) {
  return readSettings(environmentOf(objects, podIn(objects).container));
}

/** `group/kind` and verbs, of every rule. */
function rightsIn(objects: readonly KubernetesObject[]): string[] {
  const rules = objects.flatMap((object) => valuesAt(object, 'rules[]')) as {
    readonly apiGroups: readonly string[];
    readonly resources: readonly string[];
    readonly verbs: readonly string[];
  }[];
  return rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.map((kind) => `${group}/${kind} ${verbs.join(' ')}`)),
    )
    .sort();
}

/** The kinds that the dashboard watches, as its own code names them. */
function watchedKinds(): string[] {
  const source = readFileSync(join(K8S, '../dashboard/kubernetes/cluster.ts'), 'utf8');
  const core = [...source.matchAll(/`\/api\/v1\/namespaces\/\$\{\w+\}\/(\w+)`/g)].map(
    ([, kind]) => `/${kind}`,
  );
  const groups = [...source.matchAll(/`\/apis\/([\w.]+)\/\w+\/namespaces\/\$\{\w+\}\/(\w+)`/g)];
  const argo = [...source.matchAll(/argoPath\(\w+, '(\w+)'\)/g)].map(([, kind]) => `argoproj.io/${kind}`);
  return [...core, ...groups.map(([, group, kind]) => `${group}/${kind}`), ...argo];
}

describe.skipIf(absent('kustomize'))('deployment-dashboard', () => {
  it('may list and watch what it shows, in its namespace, and nothing else', () => {
    const expected = watchedKinds()
      .map((kind) => `${kind} list watch`)
      .sort();
    expect(expected).toHaveLength(5);
    const own = objectsOf();
    const applications = render(`${COMPONENT}/applications`).objects;
    expect([...rightsIn(own), ...rightsIn(applications)].sort()).toEqual(expected);
    expect(own.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
    expect(new Set(applications.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['argocd']));
  });

  it('may see as much of another environment where that says so', () => {
    const other = renderKustomization({
      namespace: 'cv-inference-staging',
      resources: ['base'],
      components: [`${COMPONENT}/seen`],
    }).objects;
    expect(rightsIn(other)).toEqual(rightsIn(objectsOf()));
    const account = { kind: 'ServiceAccount', name: NAME, namespace: NAMESPACE };
    const applications = render(`${COMPONENT}/applications`).objects;
    for (const objects of [other, applications, objectsOf()])
      expect(objects.flatMap((object) => valuesAt(object, 'subjects[]'))).toEqual([account]);
  });

  it('has settings that the dashboard takes, with those that the README writes', () => {
    expect(settingsIn(objectsOf({ namespace: 'elsewhere' })).NAMESPACES).toBe('elsewhere');
    expect(settingsIn(objectsOf(exampleOf(README))).NAMESPACES).toBe('cv-inference-staging,cv-inference');
  });

  it('answers to the names of its Service, in the namespace that it is in', () => {
    for (const namespace of [NAMESPACE, 'elsewhere']) {
      const objects = objectsOf({ namespace });
      const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === NAME);
      expect(service?.metadata.namespace).toBe(namespace);
      const inCluster = `${NAME}.${namespace}.svc`;
      expect(settingsIn(objects).ALLOWED_HOSTS.split(',')).toEqual([
        NAME,
        inCluster,
        `${inCluster}.cluster.local`,
      ]);
    }
  });

  it('is asked for routes that it has, and keeps its timeline where it may write', () => {
    const objects = objectsOf();
    const { container } = podIn(objects);
    const server = readFileSync(join(K8S, '../dashboard/server.ts'), 'utf8');
    for (const probe of [container.readinessProbe, container.livenessProbe])
      expect(server).toContain(`server.get('${probe?.httpGet?.path}'`);
    const [mount] = container.volumeMounts ?? [];
    expect(settingsIn(objects).TIMELINE_FILE).toMatch(new RegExp(`^${mount?.mountPath}/`));
  });

  it('asks Argo CD who made a commit where that is turned on, with what its README puts into the Secret', () => {
    const objects = objectsOf({
      components: ['components/network-policy', COMPONENT, `${COMPONENT}/authors`, 'release'],
    });
    const { pod, container } = podIn(objects);
    const { NODE_EXTRA_CA_CERTS: authority } = environmentOf(objects, container);
    const { ARGOCD_URL: url, ARGOCD_TOKEN_FILE: tokenFile } = settingsIn(objects);
    const [volume] = valuesAt(pod.spec, 'volumes[].secret') as { readonly secretName: string }[];
    const command = readFileSync(join(K8S, COMPONENT, 'authors/README.md'), 'utf8');
    expect(command).toContain(`create secret generic ${volume?.secretName} `);
    const mount = container.volumeMounts?.find(({ name }) => name === 'argocd')?.mountPath;
    for (const [file, key] of [
      [tokenFile, 'token'],
      [authority, 'ca.crt'],
    ]) {
      expect(file).toBe(`${mount}/${key}`);
      expect(command).toContain(`--from-literal=${key}=`);
    }
    const server: Peer = {
      namespace: new URL(url).hostname.split('.')[1] ?? '',
      labels: { 'app.kubernetes.io/name': 'argocd-server' },
    };
    const from: Peer = { namespace: NAMESPACE, labels: pod.labels };
    const mayAsk = (all: readonly KubernetesObject[]): boolean => {
      const policies = all.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[];
      return isAllowed(policies, { from, to: server, port: 8080 });
    };
    expect([mayAsk(objects), mayAsk(objectsOf())]).toEqual([true, false]);
  });

  it('reaches DNS, the API server, Prometheus and Alertmanager, and is reached by nobody', () => {
    const objects = objectsOf();
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[];
    const ports = { http: 8080 };
    const dashboard: Peer = { namespace: NAMESPACE, labels: podIn(objects).pod.labels, ports };
    const named = (name: string, namespace = NAMESPACE): Peer => ({
      namespace,
      labels: { 'app.kubernetes.io/name': name },
      ports,
    });
    const outside: Peer = { address: '140.82.121.6' };
    const reaches = (from: Peer, to: Peer, port: number): boolean => isAllowed(policies, { from, to, port });
    const settings = settingsIn(objects);
    const asked: readonly (readonly [Peer, number])[] = [
      [{ namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } }, 53],
      [{ address: '10.96.0.1' }, 443],
      [{ address: '10.0.0.5' }, 6443],
      [named('prometheus', 'monitoring'), Number(new URL(settings.PROMETHEUS_URL).port)],
      [named('alertmanager', 'monitoring'), Number(new URL(settings.ALERTMANAGER_URL).port)],
    ];
    expect(asked.map(([to, port]) => reaches(dashboard, to, port))).toEqual(asked.map(() => true));
    const refused: readonly (readonly [Peer, number])[] = [
      [outside, 80],
      [{ address: '169.254.169.254' }, 80],
      [named('cv-inference'), 8080],
      [named('prometheus'), 9090],
    ];
    expect(refused.map(([to, port]) => reaches(dashboard, to, port))).toEqual(refused.map(() => false));
    const strangers = [
      named('prometheus', 'monitoring'),
      named('cv-inference'),
      named('any', 'default'),
      outside,
    ];
    expect(strangers.map((from) => reaches(from, dashboard, 8080))).toEqual(strangers.map(() => false));
  });
});
