import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import {
  isApplication,
  renderApplication,
  renderEverything,
  renderInstallation,
} from '../../support/argocd.js';
import type { KubernetesObject } from '../../support/render.js';
import { listSources } from '../../support/sources.js';
import { OWNER } from './gateway.js';
import { apply, ask, kubectl, kubectlWith, until } from './kubectl.js';
import { untilRolledOut } from './rollouts.js';

/** Argo CD as argocd/install has it. @returns the version that it says it is */
export async function installArgoCd(): Promise<string> {
  await applyInOrder(await renderInstallation());
  // A single sign-on that nobody uses here, and its notifications.
  await kubectl(
    '--namespace=argocd',
    'scale',
    '--replicas=0',
    'deployment/argocd-dex-server',
    'deployment/argocd-notifications-controller',
  );
  for (const name of ['redis', 'repo-server', 'applicationset-controller', 'server']) {
    await untilRolledOut('argocd', `deployment/argocd-${name}`);
  }
  await untilRolledOut('argocd', 'statefulset/argocd-application-controller');
  const version = await kubectl(
    '--namespace=argocd',
    'exec',
    'deployment/argocd-repo-server',
    '--',
    'argocd',
    'version',
    '--client',
    '--short',
  );
  return version.trim();
}

/**
 * The definitions, and the newest version that is a Go module (argocd/platform has a chart of a newer one). It serves one
 * Gateway, that of its check, and leaves others alone.
 */
export async function installGateway(): Promise<void> {
  await installFromPlatform('gateway-api');
  const definitions = join(import.meta.dirname, '../../support/nginx-gateway-fabric.yaml');
  await kubectl('apply', '--server-side', '--force-conflicts', `--filename=${definitions}`);
  const fabric = sourceOf('nginx-gateway-fabric');
  const its = parseAllDocuments(await readFile(join(fabric, 'crds.yaml'), 'utf8'));
  const objects = its.map((document) => document.toJS() as KubernetesObject);
  await apply(...objects.filter(({ metadata }) => metadata.name !== 'nginxproxies.gateway.nginx.org'));
  await untilKindsAreKnown();
  const manifest = await readFile(join(fabric, 'default/deploy.yaml'), 'utf8');
  // By one user, who may signal NGINX without a capability of the file, which an image can lose.
  const changed = manifest
    .replaceAll('runAsUser: 102', 'runAsUser: 101')
    .replace('- static-mode', `- static-mode\n        - --gateway=${OWNER}/cv-inference`);
  await kubectlWith(changed, 'apply', '--server-side', '--force-conflicts', '--filename=-');
  await untilRolledOut('nginx-gateway', 'deployment/nginx-gateway');
}

/** The folder's git-server.yaml: what Argo CD deploys from. */
export async function installGitServer(): Promise<void> {
  await applyFile('git-server.yaml');
  await untilRolledOut('git', 'deployment/git');
}

/** The folder's prometheus.yaml, with the definitions of the operator's release. */
export async function installPrometheus(): Promise<void> {
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'monitoring' } });
  await kubectl(
    'apply',
    '--server-side',
    '--force-conflicts',
    `--filename=${sourceOf('prometheus-operator')}`,
  );
  await untilKindsAreKnown();
  await applyFile('prometheus.yaml');
  await untilRolledOut('monitoring', 'deployment/prometheus-operator');
  await until(
    { withinS: 120, what: 'Prometheus runs' },
    async () =>
      (await ask(
        '--namespace=monitoring',
        'rollout',
        'status',
        '--timeout=1s',
        'statefulset/prometheus-kube-prometheus-stack-prometheus',
      )) !== undefined,
  );
}

/** What argocd/platform installs from Git, by its own manifests, in the namespaces of its applications. */
export async function installFromPlatform(name: string): Promise<void> {
  const everything = await renderEverything();
  const application = everything.find((object) => isApplication(object) && object.metadata.name === name);
  if (application === undefined || !isApplication(application))
    throw new Error(`argocd/platform has no ${name}`);
  const { source, destination } = application.spec;
  const kustomize = { ...source.kustomize, namespace: destination.namespace };
  const objects = await renderApplication({ ...application.spec, source: { ...source, kustomize } }, '');
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: destination.namespace } });
  await applyInOrder(objects);
  for (const { kind, metadata } of objects) {
    if (kind === 'Deployment') await untilRolledOut(destination.namespace, `deployment/${metadata.name}`);
  }
}

/** The folder that k8s/tests/tools/sources takes from a project. */
function sourceOf(project: string): string {
  const source = listSources().find(({ name }) => name === project);
  if (source === undefined) throw new Error(`k8s/tests/tools/sources has no ${project}`);
  return join(source.root, source.folder);
}

function untilKindsAreKnown(): Promise<string> {
  return kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
}

function applyFile(name: string): Promise<string> {
  return kubectl(
    'apply',
    '--server-side',
    '--force-conflicts',
    `--filename=${join(import.meta.dirname, name)}`,
  );
}

/** Definitions and namespaces first. */
async function applyInOrder(objects: readonly KubernetesObject[]): Promise<void> {
  const isFirst = ({ kind }: KubernetesObject): boolean =>
    kind === 'CustomResourceDefinition' || kind === 'Namespace';
  if (objects.some(isFirst)) await apply(...objects.filter(isFirst));
  if (objects.some(({ kind }) => kind === 'CustomResourceDefinition')) await untilKindsAreKnown();
  await apply(...objects.filter((object) => !isFirst(object)));
}
