import { describe, expect, it } from 'vitest';
import { listCombinations } from '../support/combinations.js';
import { type Connection, isAllowed, type NetworkPolicy, type Peer } from '../support/network-policy.js';
import { containersOf, podsOf, serviceContainer, servicePods, valuesAt } from '../support/pods.js';
import type { KubernetesObject } from '../support/render.js';
import { absent } from '../support/tools.js';

const DNS: Peer = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };
const NODE_DNS: Peer = { address: '169.254.20.10' };
const S3: Peer = { address: '52.216.1.2' };
const PROMETHEUS: Peer = { namespace: 'monitoring', labels: { 'app.kubernetes.io/name': 'prometheus' } };
const COLLECTOR: Peer = {
  namespace: 'monitoring',
  labels: { 'app.kubernetes.io/name': 'opentelemetry-collector' },
};
const POD_IDENTITY: Peer = { address: '169.254.170.23' };
const INSTANCE_METADATA: Peer = { address: '169.254.169.254' };
const API_SERVER: Peer = { address: '10.96.0.1' };

interface Scene {
  readonly app: Peer;
  readonly policies: readonly NetworkPolicy[];
  readonly namespace: string;
  /** A pod of the same namespace that has a label. */
  beside(name: string): Peer;
}

function sceneOf(objects: readonly KubernetesObject[]): Scene {
  const [pod] = servicePods(objects);
  const namespace = objects.find(({ kind }) => kind === 'Namespace')?.metadata.name ?? '';
  const ports = pod && serviceContainer(pod).ports?.map(({ name, containerPort }) => [name, containerPort]);
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[];
  return {
    namespace,
    policies,
    app: { namespace, labels: pod?.labels ?? {}, ports: Object.fromEntries(ports ?? []) },
    beside: (name) => ({ namespace, labels: { 'app.kubernetes.io/name': name }, ports: { s3: 7070 } }),
  };
}

/** The pods that the gateway runs: they have the labels that the Gateway asks for. */
function dataPlanes(objects: readonly KubernetesObject[], namespace: string): Peer[] {
  const own = objects.flatMap((object) => valuesAt(object, 'spec.infrastructure.labels'));
  return own.map((labels) => ({ namespace, labels: labels as Record<string, string> }));
}

/** Pods of a name in what was rendered, with their ports. */
function podNamed(objects: readonly KubernetesObject[], name: string): Peer | undefined {
  const pod = podsOf(objects).find(({ labels }) => labels['app.kubernetes.io/name'] === name);
  if (pod === undefined) return undefined;
  const ports = containersOf(pod).flatMap(({ ports = [] }) => ports);
  const named = ports.map((port) => [port.name ?? '', port.containerPort] as const);
  return {
    namespace: pod.owner.metadata.namespace ?? '',
    labels: pod.labels,
    ports: Object.fromEntries(named),
  };
}

/** Who may reach what is beside the service, and on which port; all others may not. */
const DOORS: readonly (readonly [to: string, port: number, from: readonly string[]])[] = [
  [
    's3-local',
    7070,
    ['cv-inference', 's3-local-upload', 'cv-inference-batch-predict', 'cv-inference-mlflow'],
  ],
  ['victoria-metrics', 8428, ['grafana']],
  ['grafana', 3000, []],
];
const withStores = listCombinations().filter(({ name }) =>
  /overlay local|s3-local|victoria-metrics/.test(name),
);

describe.skipIf(absent('kustomize')).each(withStores)('beside the service, in $name', ({ render }) => {
  it.each(DOORS)(
    '%s, where it is there, answers on %i those who need it and nobody else',
    (name, port, allowed) => {
      const { objects } = render();
      const { policies, beside } = sceneOf(objects);
      const to = podNamed(objects, name);
      if (to === undefined) return;
      const reaches = (from: Peer): boolean => isAllowed(policies, { from, to, port });
      const ours = [...new Set(podsOf(objects).map(({ labels }) => labels['app.kubernetes.io/name'] ?? ''))];
      const reached = ours.filter((other) => {
        const from = podNamed(objects, other);
        return from !== undefined && reaches(from);
      });
      expect(reached.sort()).toEqual(ours.filter((other) => allowed.includes(other)).sort());
      const strangers = [
        beside('postgres'),
        { namespace: 'default', labels: {} },
        PROMETHEUS,
        { address: '52.1.1.1' },
      ];
      expect(strangers.map(reaches)).toEqual([false, false, false, false]);
    },
  );

  it('VictoriaMetrics reaches the pods and the API server, Grafana nothing but VictoriaMetrics', () => {
    const { objects } = render();
    const { policies, app } = sceneOf(objects);
    const [metrics, grafana] = [podNamed(objects, 'victoria-metrics'), podNamed(objects, 'grafana')];
    if (metrics === undefined || grafana === undefined) return;
    const open = (from: Peer, to: Peer, port: number): boolean => isAllowed(policies, { from, to, port });
    expect([open(metrics, API_SERVER, 443), open(metrics, API_SERVER, 6443), open(metrics, S3, 80)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(open(metrics, app, 8080)).toBe(true);
    expect([open(grafana, metrics, 8428), open(grafana, app, 8080), open(grafana, S3, 443)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

const withPolicy = listCombinations().filter(({ name }) => /overlay|network-policy/.test(name));

describe.skipIf(absent('kustomize')).each(withPolicy)('in $name', ({ render }) => {
  const verdicts = (connections: readonly Connection[]): boolean[] => {
    const { policies } = sceneOf(render().objects);
    expect(policies.length).toBeGreaterThan(0);
    return connections.map((connection) => isAllowed(policies, connection));
  };

  it('the service reaches DNS, S3, credentials for it, the S3 server in its namespace, and the collector', () => {
    const { app: from, beside } = sceneOf(render().objects);
    const needed: Connection[] = [
      { from, to: DNS, port: 53, protocol: 'UDP' },
      { from, to: DNS, port: 53, protocol: 'TCP' },
      { from, to: NODE_DNS, port: 53, protocol: 'UDP' },
      { from, to: S3, port: 443 },
      { from, to: POD_IDENTITY, port: 80 },
      { from, to: beside('s3-local'), port: 7070 },
      { from, to: COLLECTOR, port: 4318 },
    ];
    expect(verdicts(needed)).toEqual(needed.map(() => true));
  });

  it('the service reaches nothing else', () => {
    const { app: from, beside } = sceneOf(render().objects);
    const refused: Connection[] = [
      { from, to: S3, port: 80 },
      { from, to: { address: '1.1.1.1' }, port: 53, protocol: 'UDP' },
      { from, to: INSTANCE_METADATA, port: 80 },
      { from, to: API_SERVER, port: 443 },
      { from, to: { address: '192.168.1.1' }, port: 443 },
      { from, to: { address: '172.20.0.1' }, port: 443 },
      { from, to: { namespace: 'kube-system', labels: {} }, port: 53, protocol: 'UDP' },
      { from, to: PROMETHEUS, port: 9090 },
      { from, to: PROMETHEUS, port: 4318 },
      { from, to: COLLECTOR, port: 4317 },
      { from, to: { ...COLLECTOR, namespace: 'default' }, port: 4318 },
      { from, to: beside('s3-local'), port: 22 },
      { from, to: beside('postgres'), port: 5432 },
      { from, to: { namespace: 'default', labels: { 'app.kubernetes.io/name': 's3-local' } }, port: 7070 },
    ];
    expect(verdicts(refused)).toEqual(refused.map(() => false));
  });

  it('the gateway and the scrape reach the service', () => {
    const { objects } = render();
    const { app: to, beside, namespace } = sceneOf(objects);
    const scrapers = podsOf(objects)
      .filter(({ labels }) => labels['app.kubernetes.io/name'] === 'victoria-metrics')
      .map(() => beside('victoria-metrics'));
    const needed = [PROMETHEUS, ...scrapers, ...dataPlanes(objects, namespace)].map((from) => ({
      from,
      to,
      port: 8080,
    }));
    expect(verdicts(needed)).toEqual(needed.map(() => true));
  });

  it('nobody else reaches the service, and nobody another port of it', () => {
    const { objects } = render();
    const { app: to, beside } = sceneOf(objects);
    const strangers: Peer[] = [
      { address: '52.1.1.1' },
      { namespace: 'default', labels: {} },
      { namespace: 'default', labels: { 'app.kubernetes.io/name': 'prometheus' } },
      {
        namespace: 'default',
        labels: { 'app.kubernetes.io/component': 'gateway', 'app.kubernetes.io/part-of': 'cv-inference' },
      },
      { namespace: 'monitoring', labels: { 'app.kubernetes.io/name': 'grafana' } },
      { namespace: 'nginx-gateway', labels: {} },
      beside('s3-local'),
      beside('grafana'),
      to,
    ];
    // A laptop's NodePort is for everyone.
    const isOpen = objects.some(({ spec }) => valuesAt(spec, 'type')[0] === 'NodePort');
    const refused = [
      ...(isOpen ? [] : strangers.map((from) => ({ from, to, port: 8080 }))),
      { from: PROMETHEUS, to, port: 9229 },
      { from: PROMETHEUS, to, port: 8080, protocol: 'UDP' as const },
    ];
    expect(verdicts(refused)).toEqual(refused.map(() => false));
  });
});
