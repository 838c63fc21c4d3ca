import type { ApplicationItem } from '../items.js';
import { type KubernetesObject, keyOf } from '../kubernetes/object.js';
import { oneOf, text } from './text.js';

/** argoproj.io/v1alpha1 */
export interface Application extends KubernetesObject {
  readonly spec?: {
    readonly destination?: { readonly namespace?: string; readonly name?: string; readonly server?: string };
  };
  readonly status?: {
    readonly sync?: {
      readonly status?: string;
      readonly revision?: string;
      readonly revisions?: readonly string[];
    };
    readonly health?: { readonly status?: string };
    readonly operationState?: { readonly phase?: string; readonly message?: string };
  };
}

const OWN_CLUSTER = 'https://kubernetes.default.svc';

export function projectApplication(application: Application): ApplicationItem {
  const { metadata, spec, status } = application;
  const { phase, message } = status?.operationState ?? {};
  return {
    id: `application/${keyOf(application)}`,
    kind: 'application',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    sync: oneOf(status?.sync?.status, ['Synced', 'OutOfSync', 'Unknown']),
    health: oneOf(status?.health?.status, [
      'Healthy',
      'Progressing',
      'Degraded',
      'Suspended',
      'Missing',
      'Unknown',
    ]),
    target: targetOf(spec?.destination),
    revision: text(status?.sync?.revision || status?.sync?.revisions?.[0]),
    ...(phase !== undefined &&
      phase !== 'Succeeded' && { operation: { phase: text(phase), message: text(message) } }),
  };
}

/** The namespace, and the cluster where that is not Argo CD's own. */
function targetOf(destination: NonNullable<Application['spec']>['destination']): string {
  const { namespace = '', name, server } = destination ?? {};
  const cluster = name ?? server ?? OWN_CLUSTER;
  return text(cluster === OWN_CLUSTER || cluster === 'in-cluster' ? namespace : `${namespace} on ${cluster}`);
}
