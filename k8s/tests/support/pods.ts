import type { KubernetesObject } from './render.js';

export type Labels = Readonly<Record<string, string>>;

interface NameReference {
  readonly name: string;
  readonly optional?: boolean;
}

export interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string | number };
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}

interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly drop?: readonly string[]; readonly add?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly configMapKeyRef?: NameReference; readonly secretKeyRef?: NameReference };
  }[];
  readonly envFrom?: readonly { readonly configMapRef?: NameReference; readonly secretRef?: NameReference }[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly securityContext?: SecurityContext;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Volume {
  readonly name: string;
  readonly configMap?: NameReference;
  readonly secret?: { readonly secretName: string; readonly optional?: boolean };
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly emptyDir?: { readonly sizeLimit?: string };
  readonly hostPath?: unknown;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly serviceAccountName?: string;
  readonly priorityClassName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: SecurityContext;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly hostIPC?: boolean;
}

/** A pod as some object describes it. */
export interface Pod {
  readonly owner: KubernetesObject;
  readonly labels: Labels;
  readonly spec: PodSpec;
}

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null;

/** Every pod in every object, of whatever kind: a pod is what has containers. */
export function podsOf(objects: readonly KubernetesObject[]): Pod[] {
  return objects.flatMap((owner) => podsIn(owner, owner, owner.metadata.labels ?? {}));
}

function podsIn(owner: KubernetesObject, node: unknown, labels: Labels): Pod[] {
  if (!isNode(node)) return [];
  if (Array.isArray(node['containers'])) return [{ owner, labels, spec: node as unknown as PodSpec }];
  return Object.entries(node).flatMap(([key, child]) =>
    podsIn(owner, child, key === 'template' ? templateLabels(child) : labels),
  );
}

function templateLabels(template: unknown): Labels {
  const metadata = isNode(template) ? template['metadata'] : undefined;
  return ((isNode(metadata) ? metadata['labels'] : undefined) ?? {}) as Labels;
}

export function containersOf({ spec }: Pod): Container[] {
  return [...(spec.initContainers ?? []), ...spec.containers];
}

/** The pods that run the service itself. */
export function servicePods(objects: readonly KubernetesObject[]): Pod[] {
  return podsOf(objects).filter(({ labels }) => labels['app.kubernetes.io/name'] === 'cv-inference');
}

/** The container of the service; KServe gives it a name of its own. */
export function serviceContainer({ spec }: Pod): Container {
  const [container] = spec.containers;
  if (container === undefined) throw new Error('a pod of the service without a container');
  return container;
}

/** What the container finds in its environment, apart from what Secrets bring. */
export function environmentOf(
  objects: readonly KubernetesObject[],
  container: Container,
): Record<string, string> {
  const maps = (container.envFrom ?? []).flatMap(({ configMapRef }) =>
    objects.filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef?.name),
  );
  const literals = (container.env ?? []).map(({ name, value }) => [name, value ?? '']);
  return Object.assign({}, ...maps.map((map) => map['data']), Object.fromEntries(literals));
}

/** All that lies at a path such as `spec.rules[].backendRefs[]`. */
export function valuesAt(value: unknown, path: string): unknown[] {
  return path.split('.').reduce<unknown[]>(
    (values, step) => {
      const name = step.replace('[]', '');
      const next = values.flatMap((node) => (isNode(node) && node[name] !== undefined ? [node[name]] : []));
      return step.endsWith('[]') ? next.flat() : next;
    },
    [value],
  );
}

export function matches(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value);
}

const BINARY: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

/** `2Gi`, `500m` or `2` as a number of bytes or cores. */
export function quantity(text: string | undefined): number {
  const [, digits = '', unit = ''] = /^([\d.]+)(m|Ki|Mi|Gi)?$/.exec(text ?? '') ?? [];
  if (digits === '') throw new Error(`not a quantity: ${text}`);
  return unit === 'm' ? Number(digits) / 1000 : Number(digits) * (BINARY[unit] ?? 1);
}
