import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { SMALL } from './environments.js';
import { kubectl } from './kubectl.js';
import type { Repository } from './repository.js';

/** The namespace with the Gateway, and that of the service which is attached to it. */
export const OWNER = 'gateway-digits';
export const ATTACHED = 'gateway-finder';
export const HOSTS = { [OWNER]: 'digits.example.com', [ATTACHED]: 'finder.example.com' } as const;

function patch(kind: string, ...operations: readonly object[]): object {
  return { target: { kind, name: 'cv-inference' }, patch: JSON.stringify(operations) };
}

/**
 * An overlay as components/gateway/README.md has it. Without network-policy: the NGINX of the version in these checks runs in
 * a namespace of its own, where the policy does not look for it.
 */
function overlay(
  namespace: keyof typeof HOSTS,
  components: readonly string[],
  model: string,
  patches: object[],
): object {
  return {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    namespace,
    resources: ['namespace.yaml', '../../base'],
    components: components.map((name) => `../../components/${name}`),
    configMapGenerator: [
      { name: 'cv-inference-config', behavior: 'merge', literals: [`MODEL_URI=service/models/${model}`] },
    ],
    images: [{ name: 'cv-inference', newTag: 'local' }],
    replicas: [{ name: 'cv-inference', count: 2 }],
    patches: [
      patch('Deployment', {
        op: 'replace',
        path: '/spec/template/spec/containers/0/resources',
        value: SMALL,
      }),
      patch('HTTPRoute', { op: 'replace', path: '/spec/hostnames', value: [HOSTS[namespace]] }),
      ...patches,
    ],
  };
}

async function applyOverlay(repository: Repository, namespace: string, kustomization: object): Promise<void> {
  const folder = join(repository.folder, 'k8s/overlays', namespace);
  await mkdir(folder, { recursive: true });
  const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
  await writeFile(join(folder, 'namespace.yaml'), stringify(object));
  await writeFile(join(folder, 'kustomization.yaml'), stringify(kustomization));
  await kubectl('apply', '--server-side', '--force-conflicts', '--kustomize', folder);
}

/** For both host names, signed by itself. */
export async function makeCertificate(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'cv-certificate-'));
  const [key, certificate] = [join(folder, 'tls.key'), join(folder, 'tls.crt')];
  const names = Object.values(HOSTS).map((host) => `DNS:${host}`);
  const request = ['req', '-x509', '-nodes', '-newkey', 'rsa:2048', '-days', '1', '-subj', '/CN=check'];
  const outputs = ['-addext', `subjectAltName=${names.join(',')}`, '-keyout', key, '-out', certificate];
  await promisify(execFile)('openssl', [...request, ...outputs]);
  await kubectl('--namespace', OWNER, 'delete', 'secret', 'cv-inference-tls', '--ignore-not-found');
  const files = [`--key=${key}`, `--cert=${certificate}`];
  await kubectl('--namespace', OWNER, 'create', 'secret', 'tls', 'cv-inference-tls', ...files);
  await rm(folder, { recursive: true });
}

/** One gateway for both services: on plain HTTP, or on HTTPS. */
export async function deployBoth(repository: Repository, isSecure: boolean): Promise<void> {
  const file = join(repository.folder, 'k8s/components/gateway/attached/kustomization.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replaceAll(/(?<=namespace, value: |metadata\.name: )cv-inference/g, OWNER));
  const listener = isSecure ? 1 : 0;
  const values = [OWNER, ATTACHED];
  const selector = { matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values }] };
  const admit = {
    op: 'replace',
    path: `/spec/listeners/${listener}/allowedRoutes/namespaces`,
    value: { from: 'Selector', selector },
  };
  const own = ['gateway', ...(isSecure ? ['gateway/https'] : [])];
  await applyOverlay(repository, OWNER, overlay(OWNER, own, 'digits', [patch('Gateway', admit)]));
  const section = { op: 'add', path: '/spec/parentRefs/0/sectionName', value: 'https' };
  const its = overlay(ATTACHED, ['gateway/attached'], 'digit-finder', [
    ...(isSecure ? [patch('HTTPRoute', section)] : []),
  ]);
  await applyOverlay(repository, ATTACHED, its);
}
