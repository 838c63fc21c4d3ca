import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CONFIG_SCHEMA } from '../../../service/config.js';
import { listCombinations, listOverlays } from '../support/combinations.js';
import { type Container, containersOf, type Pod, podsOf, valuesAt } from '../support/pods.js';
import { K8S, type KubernetesObject } from '../support/render.js';
import { absent } from '../support/tools.js';

/** What keeps a pod from the level `restricted` of the Pod Security Standards, and from a read-only root. */
function looseEnds(pod: Pod): string[] {
  const { spec, owner } = pod;
  const hostPaths = (spec.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined);
  const faults = [
    spec.securityContext?.runAsNonRoot !== true && 'may run as root',
    spec.securityContext?.seccompProfile?.type !== 'RuntimeDefault' && 'no seccomp profile',
    (spec.hostNetwork || spec.hostPID || spec.hostIPC) && 'shares a namespace of the host',
    hostPaths.length > 0 && 'mounts the host',
    ...containersOf(pod).map((container) => looseContainer(container)),
  ];
  return faults.flat().flatMap((fault) => (fault ? [`${owner.kind} ${owner.metadata.name}: ${fault}`] : []));
}

function looseContainer({ name, securityContext = {} }: Container): string[] {
  const { capabilities = {} } = securityContext;
  const faults = [
    securityContext.privileged && 'is privileged',
    securityContext.allowPrivilegeEscalation !== false && 'may gain privileges',
    securityContext.readOnlyRootFilesystem !== true && 'may write its root file system',
    securityContext.runAsNonRoot === false && 'may run as root',
    securityContext.runAsUser === 0 && 'runs as root',
    !capabilities.drop?.includes('ALL') && 'keeps capabilities',
    (capabilities.add ?? []).length > 0 && 'adds capabilities',
  ];
  return faults.flatMap((fault) => (fault ? [`${name} ${fault}`] : []));
}

/** A tag that stands for one build, or a digest. Versions of PostgreSQL have two numbers. */
function isPinned(image: string): boolean {
  if (/@sha256:[0-9a-f]{64}$/.test(image)) return true;
  const numbers = image.includes('/postgres:') ? /:\d+\.\d+$/ : /:v?\d+\.\d+\.\d+[\w.-]*$/;
  return image === 'cv-inference:local' || numbers.test(image);
}

/** A pod needs a token where its account is bound to a role. */
function needsToken({ spec }: Pod, objects: readonly KubernetesObject[]): boolean {
  const bound = objects.flatMap((object) => valuesAt(object, 'subjects[].name'));
  return bound.includes(spec.serviceAccountName);
}

const ASKED = ['requests.cpu', 'requests.memory', 'limits.memory'];

describe.skipIf(absent('kustomize')).each(listCombinations())('in $name', ({ render }) => {
  it('every pod is restricted', () => {
    const pods = podsOf(render().objects);
    expect(pods.length).toBeGreaterThan(0);
    expect(pods.flatMap(looseEnds)).toEqual([]);
  });

  it('only pods that call the Kubernetes API have a token for it', () => {
    const { objects } = render();
    const open = podsOf(objects).filter(
      (pod) => (pod.spec.automountServiceAccountToken !== false) !== needsToken(pod, objects),
    );
    expect(open.map(({ owner }) => owner.metadata.name)).toEqual([]);
  });

  it('every image is pinned', () => {
    const images = podsOf(render().objects).flatMap((pod) => containersOf(pod).map(({ image }) => image));
    expect(images.filter((image) => !isPinned(image))).toEqual([]);
  });

  it('every container asks for what it needs and is bounded in memory', () => {
    const greedy = podsOf(render().objects).flatMap((pod) =>
      containersOf(pod).filter(({ resources }) =>
        ASKED.some((path) => valuesAt(resources, path).length === 0),
      ),
    );
    expect(greedy.map(({ name }) => name)).toEqual([]);
  });

  it('nothing is secret', () => {
    const { objects } = render();
    expect(objects.filter(({ kind }) => kind === 'Secret')).toEqual([]);
    const literals = podsOf(objects).flatMap((pod) =>
      containersOf(pod).flatMap(({ env = [] }) =>
        env.filter(({ name, value }) => isSecret(name) && value !== undefined).map(({ name }) => name),
      ),
    );
    const settings = objects
      .filter(({ kind }) => kind === 'ConfigMap')
      .flatMap(({ data }) => Object.keys(data ?? {}).filter(isSecret));
    expect([...literals, ...settings]).toEqual([]);
  });
});

function isSecret(name: string): boolean {
  const field = Object.entries(CONFIG_SCHEMA).find(([setting]) => setting === name)?.[1];
  return field?.secret === true || /(PASSWORD|SECRET|ACCESS_KEY|TOKEN)(?!\w*_FILE$)/.test(name);
}

describe.skipIf(absent('kustomize')).each(listOverlays())('$name', ({ render }) => {
  it('creates its namespace, which enforces restricted', () => {
    const namespaces = render().objects.filter(({ kind }) => kind === 'Namespace');
    const [labels] = namespaces.map(({ metadata }) => metadata.labels);
    const levels = ['enforce', 'warn', 'audit'].map((mode) => labels?.[`pod-security.kubernetes.io/${mode}`]);
    expect(levels).toEqual(['restricted', 'restricted', 'restricted']);
    const elsewhere = render().objects.filter(
      ({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== namespaces[0]?.metadata.name,
    );
    const ofTheCluster = /^(Cluster|PriorityClass$)/;
    expect(elsewhere.map(({ kind }) => kind).filter((kind) => !ofTheCluster.test(kind))).toEqual([]);
  });
});

it('no kustomization generates a Secret', () => {
  const files = readdirSync(K8S, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('kustomization.yaml'),
  );
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter((file) => readFileSync(join(K8S, file), 'utf8').includes('secretGenerator'))).toEqual(
    [],
  );
});
