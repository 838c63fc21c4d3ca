import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiServer } from './api-server.js';
import { listSources } from './sources.js';

/** Where each project keeps its custom resource definitions. */
const FOLDERS: Readonly<Record<string, string>> = {
  'argo-cd': 'manifests/crds',
  'argo-rollouts': 'manifests/crds',
  'cert-manager': 'deploy/crds',
  'external-secrets': 'config/crds/bases',
  'gateway-api': 'config/crd/standard',
  karpenter: 'pkg/apis/crds',
  keda: 'config/crd/bases',
  kserve: 'config/crd/full',
  kyverno: 'config/crds/policies.kyverno.io',
  'prometheus-operator': 'example/prometheus-operator-crd',
};

async function listFiles(): Promise<string[]> {
  const files = [join(import.meta.dirname, 'nginx-gateway-fabric.yaml')];
  for (const { name, root } of listSources()) {
    const folder = FOLDERS[name];
    if (folder === undefined) continue;
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    const definitions = entries.filter(
      (entry) => entry.isFile() && /\.yaml$/.test(entry.name) && entry.name !== 'kustomization.yaml',
    );
    files.push(...definitions.map((entry) => join(root, folder, entry.name)));
  }
  return files;
}

/** Makes the API server know every custom resource that the manifests use, at the pinned versions. */
export async function installDefinitions(server: ApiServer): Promise<void> {
  const files = await listFiles();
  const applied = await server.kubectl(['apply', '--server-side', ...files.flatMap((file) => ['-f', file])]);
  const established = await server.kubectl([
    'wait',
    '--for=condition=Established',
    'crd',
    '--all',
    '--timeout=60s',
  ]);
  if (applied.code !== 0 || established.code !== 0) throw new Error(applied.stderr + established.stderr);
}
