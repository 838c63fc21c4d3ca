import { describe, expect, it } from 'vitest';
import { listCombinations } from '../support/combinations.js';
import { type Connection, isAllowed, type NetworkPolicy, type Peer } from '../support/network-policy.js';
import { podsOf, serviceContainer, servicePods, valuesAt } from '../support/pods.js';
import type { KubernetesObject } from '../support/render.js';
import { absent } from '../support/tools.js';

const DNS: Peer = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };
const NODE_DNS: Peer = { address: '169.254.20.10' };
const S3: Peer = { address: '52.216.1.2' };
const PROMETHEUS: Peer = { namespace: 'monitoring', labels: { 'app.kubernetes.io/name': 'prometheus' } };
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
  const ingress = objects.filter(({ kind }) => kind === 'Ingress');
  return [
    ...own.map((labels) => ({ namespace, labels: labels as Record<string, string> })),
    ...ingress.map(() => ({
      namespace: 'ingress-nginx',
      labels: { 'app.kubernetes.io/name': 'ingress-nginx' },
    })),
  ];
}

const withPolicy = listCombinations().filter(({ name }) => /overlay|network-policy/.test(name));

describe.skipIf(absent('kustomize')).each(withPolicy)('in $name', ({ render }) => {
  const verdicts = (connections: readonly Connection[]): boolean[] => {
    const { policies } = sceneOf(render().objects);
    expect(policies.length).toBeGreaterThan(0);
    return connections.map((connection) => isAllowed(policies, connection));
  };

  it('the service reaches DNS, S3, credentials for it, and the S3 server in its namespace', () => {
    const { app: from, beside } = sceneOf(render().objects);
    const needed: Connection[] = [
      { from, to: DNS, port: 53, protocol: 'UDP' },
      { from, to: DNS, port: 53, protocol: 'TCP' },
      { from, to: NODE_DNS, port: 53, protocol: 'UDP' },
      { from, to: S3, port: 443 },
      { from, to: POD_IDENTITY, port: 80 },
      { from, to: beside('s3-local'), port: 7070 },
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
    const hasIngress = objects.some(({ kind }) => kind === 'Ingress');
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
      ...(hasIngress
        ? []
        : [{ namespace: 'ingress-nginx', labels: { 'app.kubernetes.io/name': 'ingress-nginx' } }]),
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
