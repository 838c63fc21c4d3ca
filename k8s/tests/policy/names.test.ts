import { describe, expect, it } from 'vitest';
import { listCombinations } from '../support/combinations.js';
import { containersOf, type Labels, matches, type Pod, podsOf, valuesAt } from '../support/pods.js';
import { type KubernetesObject, renderKustomization } from '../support/render.js';
import { absent } from '../support/tools.js';

/** Secrets that somebody makes in the cluster, never Git. */
const SECRETS_MADE_ELSEWHERE = [
  'cv-inference-secrets',
  'cv-inference-bridge',
  'cv-inference-deployment-dashboard-argocd',
  'cv-inference-mlflow',
  'cv-inference-tls',
  'grafana-admin',
];

interface Reference {
  readonly kind?: string;
  readonly name: string;
}

/** A name in a pod: of what kind, and whether it may lead nowhere. */
type PodReference = readonly [
  kind: string,
  to: { readonly name: string; readonly optional?: boolean } | undefined,
];

/** Where a kind names an object: by kind and name, or by name alone where there is only one kind it can be. */
const REFERENCES: Readonly<Record<string, readonly (readonly [path: string, kind?: string])[]>> = {
  HorizontalPodAutoscaler: [['spec.scaleTargetRef']],
  ScaledObject: [['spec.scaleTargetRef']],
  Rollout: [['spec.strategy.canary.steps[].analysis.templates[].templateName', 'AnalysisTemplate']],
  StatefulSet: [['spec.serviceName', 'Service']],
  RoleBinding: [['roleRef'], ['subjects[]']],
  ClusterRoleBinding: [['roleRef'], ['subjects[]']],
  Gateway: [['spec.infrastructure.parametersRef'], ['spec.listeners[].tls.certificateRefs[]']],
  Certificate: [['spec.issuerRef']],
  Issuer: [['spec.acme.solvers[].http01.gatewayHTTPRoute.parentRefs[]']],
  ExternalSecret: [['spec.secretStoreRef']],
  SecretStore: [['spec.provider.aws.auth.jwt.serviceAccountRef.name', 'ServiceAccount']],
  HTTPRoute: [['spec.parentRefs[]'], ['spec.rules[].backendRefs[]']],
  ClientSettingsPolicy: [['spec.targetRef']],
  Ingress: [['spec.rules[].http.paths[].backend.service.name', 'Service']],
};

/** Where a kind selects pods by their labels. */
const POD_SELECTORS: Readonly<Record<string, string>> = {
  Service: 'spec.selector',
  PodDisruptionBudget: 'spec.selector.matchLabels',
  NetworkPolicy: 'spec.podSelector.matchLabels',
  Deployment: 'spec.selector.matchLabels',
  StatefulSet: 'spec.selector.matchLabels',
  DaemonSet: 'spec.selector.matchLabels',
  Rollout: 'spec.selector.matchLabels',
  PodMonitor: 'spec.selector.matchLabels',
};

/** Kinds that name and select nothing beyond their pods. Another kind is a reason to look into this file. */
const PLAIN = new Set([
  'AnalysisTemplate',
  'ClusterRole',
  'ConfigMap',
  'InferenceService',
  'Job',
  'LimitRange',
  'Namespace',
  'NamespacedImageValidatingPolicy',
  'NginxProxy',
  'PersistentVolumeClaim',
  'PriorityClass',
  'PrometheusRule',
  'ResourceQuota',
  'Role',
  'Secret',
  'ServiceAccount',
  'ServiceMonitor',
]);

/** The Service that KServe makes: name, port and labels as in its reconcilers/service of v0.20.0. */
function madeByKServe(object: KubernetesObject): KubernetesObject[] {
  if (object.kind !== 'InferenceService') return [];
  const ports = valuesAt(object, 'spec.predictor.containers[].ports[]') as {
    name: string;
    containerPort: number;
  }[];
  return [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { ...object.metadata, name: `${object.metadata.name}-predictor` },
      spec: {
        selector: object.metadata.labels,
        ports: ports.map(({ name, containerPort }) => ({ name, port: 80, targetPort: containerPort })),
      },
    },
  ];
}

/** The Secret that the operator keeps. */
function madeByExternalSecrets(object: KubernetesObject): KubernetesObject[] {
  if (object.kind !== 'ExternalSecret') return [];
  return valuesAt(object, 'spec.target.name').map((name) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: String(name) },
  }));
}

const called = ({ kind, metadata }: KubernetesObject): string => `${kind} ${metadata.name}`;

class Names {
  readonly #objects: readonly KubernetesObject[];
  readonly #pods: readonly Pod[];

  constructor(rendered: readonly KubernetesObject[]) {
    this.#objects = [
      ...rendered,
      ...rendered.flatMap(madeByKServe),
      ...rendered.flatMap(madeByExternalSecrets),
    ];
    this.#pods = podsOf(rendered);
  }

  /** Every name, selector and port that leads nowhere. */
  dangling(): string[] {
    return [
      ...this.#objects.flatMap((object) => [
        ...this.#references(object),
        ...this.#selectors(object),
        ...this.#ports(object),
        ...this.#monitored(object),
      ]),
      ...this.#pods.flatMap((pod) => [...this.#inPod(pod), ...withinPod(pod)]),
    ];
  }

  unknownKinds(): string[] {
    const kinds = this.#objects.map(({ kind }) => kind);
    return kinds.filter((kind) => !PLAIN.has(kind) && !(kind in REFERENCES) && !(kind in POD_SELECTORS));
  }

  #exists({ kind, name }: Reference): boolean {
    if (kind === 'Secret' && SECRETS_MADE_ELSEWHERE.includes(name)) return true;
    return this.#objects.some((object) => object.kind === kind && object.metadata.name === name);
  }

  #references(object: KubernetesObject): string[] {
    const references = (REFERENCES[object.kind] ?? []).flatMap(([path, kind]) =>
      valuesAt(object, path).map((value) =>
        kind === undefined ? (value as Reference) : { kind, name: String(value) },
      ),
    );
    const missing = references.filter((reference) => !this.#exists(reference));
    return missing.map(({ kind, name }) => `${called(object)} -> ${kind} ${name}`);
  }

  #selectors(object: KubernetesObject): string[] {
    const selectors = valuesAt(object, POD_SELECTORS[object.kind] ?? '') as Labels[];
    const lost = selectors.filter((selector) => !this.#pods.some(({ labels }) => matches(selector, labels)));
    return lost.map((selector) => `${called(object)} selects no pod by ${JSON.stringify(selector)}`);
  }

  /** Ports of Services and of what leads to Services. */
  #ports(object: KubernetesObject): string[] {
    if (object.kind === 'Service') {
      const [selector = {}] = valuesAt(object, 'spec.selector') as Labels[];
      const open = this.#pods
        .filter(({ labels }) => matches(selector, labels))
        .flatMap((pod) => containersOf(pod).flatMap(({ ports = [] }) => ports))
        .flatMap(({ name, containerPort }) => [name, containerPort]);
      const targets = valuesAt(object, 'spec.ports[]') as { port: number; targetPort?: string | number }[];
      const closed = targets.filter(({ port, targetPort = port }) => !open.includes(targetPort));
      return closed.map(({ port }) => `${called(object)}: nothing listens behind port ${port}`);
    }
    const backends = valuesAt(object, 'spec.rules[].backendRefs[]') as { name: string; port: number }[];
    const closed = backends.filter(({ name, port }) => !this.#servicePorts(name).includes(port));
    return closed.map(({ name, port }) => `${called(object)} -> port ${port} of Service ${name}`);
  }

  #servicePorts(name: string): unknown[] {
    const service = this.#objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === name);
    return valuesAt(service, 'spec.ports[].port');
  }

  #monitored(object: KubernetesObject): string[] {
    if (object.kind !== 'ServiceMonitor') return [];
    const [selector = {}] = valuesAt(object, 'spec.selector.matchLabels') as Labels[];
    const services = this.#objects.filter(
      ({ kind, metadata }) => kind === 'Service' && matches(selector, metadata.labels ?? {}),
    );
    if (services.length !== 1) return [`${called(object)} selects ${services.length} Services`];
    const ports = valuesAt(services[0], 'spec.ports[].name');
    const missing = valuesAt(object, 'spec.endpoints[].port').filter((port) => !ports.includes(port));
    return missing.map((port) => `${called(object)} -> port ${port}`);
  }

  #inPod(pod: Pod): string[] {
    const { spec, owner } = pod;
    const containers = containersOf(pod);
    const env = containers.flatMap(({ env = [] }) => env.map(({ valueFrom }) => valueFrom));
    const envFrom = containers.flatMap(({ envFrom: sources = [] }) => sources);
    const volumes = spec.volumes ?? [];
    const claims = valuesAt(owner, 'spec.volumeClaimTemplates[].metadata.name');
    const references: readonly PodReference[] = [
      ...env.flatMap((source) => [
        ['ConfigMap', source?.configMapKeyRef] as const,
        ['Secret', source?.secretKeyRef] as const,
      ]),
      ...envFrom.flatMap((source) => [
        ['ConfigMap', source.configMapRef] as const,
        ['Secret', source.secretRef] as const,
      ]),
      ...volumes.flatMap(({ configMap, secret, persistentVolumeClaim }) => [
        ['ConfigMap', configMap] as const,
        ['Secret', secret && { ...secret, name: secret.secretName }] as const,
        [
          'PersistentVolumeClaim',
          persistentVolumeClaim && { name: persistentVolumeClaim.claimName },
        ] as const,
      ]),
      ['PriorityClass', spec.priorityClassName === undefined ? undefined : { name: spec.priorityClassName }],
      [
        'ServiceAccount',
        spec.serviceAccountName === undefined ? undefined : { name: spec.serviceAccountName },
      ],
    ];
    return references.flatMap(([kind, to]) =>
      to === undefined || to.optional || claims.includes(to.name) || this.#exists({ kind, name: to.name })
        ? []
        : [`pod of ${called(owner)} -> ${kind} ${to.name}`],
    );
  }
}

/** Mounts without a volume, probes of a port that has another name, rules about pods that are not these. */
function withinPod(pod: Pod): string[] {
  const { spec, owner, labels } = pod;
  const volumes = [
    ...(spec.volumes ?? []).map(({ name }) => name),
    ...valuesAt(owner, 'spec.volumeClaimTemplates[].metadata.name'),
  ];
  const selectors = [
    ...valuesAt(spec, 'topologySpreadConstraints[].labelSelector.matchLabels'),
    ...valuesAt(
      spec,
      'affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm.labelSelector.matchLabels',
    ),
  ] as Labels[];
  return [
    ...containersOf(pod).flatMap(({ name, volumeMounts = [], ports = [], ...container }) => {
      const open = ports.flatMap((port) => [port.name, port.containerPort]);
      const probes = [container.startupProbe, container.readinessProbe, container.livenessProbe];
      return [
        ...volumeMounts
          .filter((mount) => !volumes.includes(mount.name))
          .map((mount) => `volume ${mount.name}`),
        ...probes
          .flatMap((probe) => (probe?.httpGet === undefined ? [] : [probe.httpGet.port]))
          .filter((port) => !open.includes(port))
          .map((port) => `probe of port ${port}`),
      ].map((fault) => `container ${name} of ${called(owner)}: ${fault}`);
    }),
    ...selectors
      .filter((selector) => !matches(selector, labels))
      .map(
        (selector) =>
          `pod of ${called(owner)} is placed by the labels of others: ${JSON.stringify(selector)}`,
      ),
  ];
}

describe.skipIf(absent('kustomize'))('names', () => {
  it.each(listCombinations())('lead somewhere in $name', ({ render }) => {
    const names = new Names(render().objects);
    expect(names.unknownKinds()).toEqual([]);
    expect(names.dangling()).toEqual([]);
  });

  // s3-local is left out: its address is part of a setting.
  it.each([
    ['gpu', 'autoscaling', 'network-policy', 'gateway', 'canary'],
    ['autoscaling-queue', 'network-policy', 'gateway', 'canary'],
    ['autoscaling', 'network-policy', 'alb', 'canary'],
    ['gpu', 'network-policy', 'kserve'],
  ])('lead somewhere under a name prefix, too: %s, ...', (...components) => {
    const { objects } = renderKustomization({
      namePrefix: 'pr-1-',
      resources: ['base'],
      components: components.map((name) => `components/${name}`),
    });
    expect(objects.filter(({ metadata }) => metadata.name.startsWith('pr-1-')).length).toBeGreaterThan(4);
    expect(new Names(objects).dangling()).toEqual([]);
  });
});

describe.skipIf(absent('kustomize'))('queries', () => {
  it.each(listCombinations())('speak of the namespace that they are in, in $name', ({ render }) => {
    const { objects } = render();
    const [namespace] = objects
      .filter(({ kind }) => kind === 'Namespace')
      .map(({ metadata }) => metadata.name);
    const scaled = objects.flatMap((object) => valuesAt(object, 'spec.triggers[].metadata.query'));
    const named = scaled.flatMap((query) => [...String(query).matchAll(/namespace="([^"]*)"/g)]);
    expect(named.filter(([, name]) => name !== namespace)).toEqual([]);
    expect(named.length).toBe(2 * scaled.length);
  });
});
