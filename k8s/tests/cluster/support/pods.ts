import { getJson } from './kubectl.js';

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

export interface ReadyPod {
  readonly name: string;
  readonly node: string;
}

/** Those of the service that take requests and are not on their way out. */
export async function readyPods(namespace: string): Promise<ReadyPod[]> {
  const selector = '--selector=app.kubernetes.io/component=service';
  const { items } = await getJson<{ items: Pod[] }>(`--namespace=${namespace}`, 'pods', selector);
  return items
    .filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    )
    .map(({ metadata, spec }) => ({ name: metadata.name, node: spec.nodeName ?? '' }));
}
