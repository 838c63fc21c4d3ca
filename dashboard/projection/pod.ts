import type { PodItem } from '../items.js';
import { type KubernetesObject, keyOf } from '../kubernetes/object.js';
import { count, text } from './text.js';

interface ContainerStatus {
  readonly restartCount?: number;
  readonly state?: {
    readonly waiting?: { readonly reason?: string };
    readonly terminated?: { readonly reason?: string; readonly exitCode?: number };
  };
}

export interface Pod extends KubernetesObject {
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly { readonly image?: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export function projectPod(pod: Pod): PodItem {
  const { metadata, spec, status } = pod;
  const labels = metadata.labels ?? {};
  const containers = status?.containerStatuses ?? [];
  return {
    id: `pod/${keyOf(pod)}`,
    kind: 'pod',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    app: text(labels['app.kubernetes.io/name'] ?? labels['app']),
    phase: text(phaseOf(pod)),
    ready: status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    restarts: containers.reduce((sum, { restartCount }) => sum + count(restartCount), 0),
    node: text(spec?.nodeName),
    image: text(spec?.containers?.[0]?.image),
    version: text(labels['rollouts-pod-template-hash'] ?? labels['pod-template-hash']),
    createdAt: text(metadata.creationTimestamp),
  };
}

/** As kubectl shows it: the pod's own, unless it ends or a container says more. */
function phaseOf({ metadata, status }: Pod): string {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  const ofPod = status?.reason ?? status?.phase ?? 'Pending';
  const initial = status?.initContainerStatuses?.map(troubleOf).find((trouble) => trouble !== undefined);
  if (initial !== undefined) return `Init:${initial}`;
  return status?.containerStatuses?.map(troubleOf).find((trouble) => trouble !== undefined) ?? ofPod;
}

/** Why a container does not run, where that is neither a good end nor the usual way to its start. */
function troubleOf({ state }: ContainerStatus): string | undefined {
  const waits = state?.waiting?.reason;
  if (waits !== undefined) return waits === 'PodInitializing' ? undefined : waits;
  const ended = state?.terminated;
  return ended === undefined || ended.exitCode === 0 ? undefined : (ended.reason ?? 'Error');
}
