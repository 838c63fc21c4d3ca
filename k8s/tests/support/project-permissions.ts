import type { ApplicationSpec, AppProject } from './argocd.js';
import type { KubernetesObject } from './render.js';

const CLUSTER_SCOPED = new Set([
  'APIService',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'EC2NodeClass',
  'GatewayClass',
  'MutatingWebhookConfiguration',
  'Namespace',
  'NodePool',
  'PriorityClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
]);

/** As Argo CD matches names and namespaces: `*` stands for anything. */
function matches(pattern: string, value: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'u').test(value);
}

function groupOf({ apiVersion }: KubernetesObject): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

/** Why a project refuses an application's source or destination. */
export function refusesApplication(project: AppProject, { source, destination }: ApplicationSpec): string[] {
  const reasons: string[] = [];
  if (!project.spec.sourceRepos.includes(source.repoURL)) reasons.push(`source ${source.repoURL}`);
  if (!permitsDestination(project, destination.server, destination.namespace)) {
    reasons.push(`destination ${destination.namespace}`);
  }
  return reasons;
}

function permitsDestination(project: AppProject, server: string, namespace: string): boolean {
  return project.spec.destinations.some(
    (allowed) => allowed.server === server && matches(allowed.namespace, namespace),
  );
}

/** Why a project refuses an object that one of its applications would create; undefined where it does not. */
export function refusesObject(
  project: AppProject,
  { destination }: ApplicationSpec,
  object: KubernetesObject,
): string | undefined {
  const { kind, metadata } = object;
  const isClusterScoped = CLUSTER_SCOPED.has(kind);
  const { clusterResourceWhitelist, namespaceResourceWhitelist } = project.spec;
  const isListed = (isClusterScoped ? clusterResourceWhitelist : namespaceResourceWhitelist).some(
    (item) =>
      item.kind === kind && item.group === groupOf(object) && matches(item.name || '*', metadata.name),
  );
  if (!isListed) return `kind ${object.apiVersion} ${kind} ${metadata.name}`;
  const namespace = metadata.namespace ?? destination.namespace;
  if (isClusterScoped || permitsDestination(project, destination.server, namespace)) return undefined;
  return `namespace ${namespace} of ${kind} ${metadata.name}`;
}
