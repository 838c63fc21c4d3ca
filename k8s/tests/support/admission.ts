import type { ApiServer } from './api-server.js';
import { podsOf } from './pods.js';
import type { KubernetesObject } from './render.js';

/** As Argo CD applies. */
export const APPLY = ['apply', '--server-side', '--field-manager=argocd-controller', '--force-conflicts'];
/** Fields of a KServe predictor that are not those of a pod. */
const PREDICTOR_ONLY = [
  'minReplicas',
  'maxReplicas',
  'scaleMetric',
  'scaleTarget',
  'deploymentStrategy',
  'annotations',
  'labels',
];

/** What has to be there when a pod names it. */
const NAMED_BY_PODS = ['PriorityClass', 'ServiceAccount'];

interface ClaimingWorkload extends KubernetesObject {
  readonly spec?: {
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

/** The pods that controllers would make of a workload: pod security and service accounts are judged on pods alone. */
function asPods(workload: ClaimingWorkload): KubernetesObject[] {
  const { name, namespace } = workload.metadata;
  const claimed = (workload.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => ({
    name: metadata.name,
    persistentVolumeClaim: { claimName: `${metadata.name}-${name}-0` },
  }));
  return podsOf([workload]).map(({ labels, spec }) => {
    const fields = Object.entries(spec).filter(([field]) => !PREDICTOR_ONLY.includes(field));
    const metadata = { name, labels, ...(namespace === undefined ? {} : { namespace }) };
    const volumes = [...(spec.volumes ?? []), ...claimed];
    return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...Object.fromEntries(fields), volumes } };
  });
}

/** What a controller adds to each namespace. */
function defaultAccount({ metadata }: KubernetesObject): KubernetesObject {
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: metadata.name },
  };
}

export function toStream(objects: readonly KubernetesObject[]): string {
  return objects.map((object) => JSON.stringify(object)).join('\n---\n');
}

/** A server-side apply that also fails on unknown fields and on warnings: what it says in that case. */
async function apply(
  server: ApiServer,
  objects: readonly KubernetesObject[],
  ...flags: string[]
): Promise<string[]> {
  if (objects.length === 0) return [];
  const strict = ['--validate=strict', '--warnings-as-errors', '-f', '-'];
  const { code, stderr } = await server.kubectl([...APPLY, ...strict, ...flags], toStream(objects));
  return code === 0 ? [] : stderr.split('\n').filter((line) => line !== '');
}

/**
 * What the API server has against the objects, warnings included; nothing where it would take them all.
 * Namespaces, service accounts and priority classes are really created, since the others need them.
 */
export async function review(server: ApiServer, objects: readonly KubernetesObject[]): Promise<string[]> {
  const namespaces = objects.filter(({ kind }) => kind === 'Namespace');
  const named = objects.filter(({ kind }) => NAMED_BY_PODS.includes(kind));
  const others = objects.filter(({ kind }) => kind !== 'Namespace' && !NAMED_BY_PODS.includes(kind));
  return [
    ...(await apply(server, namespaces)),
    ...(await apply(server, [...namespaces.map(defaultAccount), ...named])),
    ...(await apply(server, [...others, ...others.flatMap(asPods)], '--dry-run=server')),
  ];
}
