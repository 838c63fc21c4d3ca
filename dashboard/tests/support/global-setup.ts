import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { toStream } from '../../../k8s/tests/support/admission.js';
import { type ApiServer, startApiServer } from '../../../k8s/tests/support/api-server.js';
import { type KubernetesObject, render, renderKustomization } from '../../../k8s/tests/support/render.js';
import { listSources } from '../../../k8s/tests/support/sources.js';

/** How tests reach the API server. */
export interface ApiServerAccess {
  readonly url: string;
  readonly etcdUrl: string;
  readonly certificate: string;
  readonly adminToken: string;
  /** Of the ServiceAccount of component deployment-dashboard, with the rights that are given there. */
  readonly token: string;
  /** Files with the kinds of Argo CD and Argo Rollouts. */
  readonly definitions: readonly string[];
}

declare module 'vitest' {
  interface ProvidedContext {
    apiServer: ApiServerAccess;
  }
}

/** What etcd has forgotten is then expired, and does not live on in the server's memory. */
const WITHOUT_CACHE = ['--watch-cache=false'];
const NAMESPACES = ['cv-inference', 'cv-inference-staging', 'argocd'];
const KINDS = /^(application|rollout|analysis-run)-crd\.yaml$/;
const COMPONENT = 'components/deployment-dashboard';
const RIGHTS = new Set(['ServiceAccount', 'Role', 'RoleBinding']);

let running: ApiServer | undefined;

/** Starts a real API server with Argo's kinds, the namespaces, and the dashboard's rights in them. */
export async function setup(project: TestProject): Promise<void> {
  const server = await startApiServer(WITHOUT_CACHE);
  running = server;
  try {
    const definitions = definitionsOfArgo();
    await succeed(server, ['apply', '--server-side', ...definitions.flatMap((file) => ['-f', file])]);
    for (const namespace of NAMESPACES) {
      await succeed(server, ['create', 'namespace', namespace]);
      // Made by a controller elsewhere; no pod is taken without it.
      await succeed(server, ['create', 'serviceaccount', 'default', '-n', namespace]);
    }
    await succeed(server, ['apply', '-f', '-'], toStream(rightsOf(COMPONENT, 'cv-inference')));
    await succeed(
      server,
      ['apply', '-f', '-'],
      toStream(rightsOf(`${COMPONENT}/seen`, 'cv-inference-staging')),
    );
    await succeed(server, ['apply', '-f', '-'], toStream(render(`${COMPONENT}/applications`).objects));
    project.provide('apiServer', await accessTo(server, definitions));
  } catch (error) {
    await teardown();
    throw error;
  }
}

export async function teardown(): Promise<void> {
  await running?.close();
}

/** What a component allows, as it is rendered into a namespace. */
function rightsOf(component: string, namespace: string): KubernetesObject[] {
  const { objects } = renderKustomization({ namespace, resources: [], components: [component] });
  return objects.filter(({ kind }) => RIGHTS.has(kind));
}

function definitionsOfArgo(): string[] {
  return listSources()
    .filter(({ name }) => name === 'argo-cd' || name === 'argo-rollouts')
    .flatMap(({ root }) => {
      const folder = join(root, 'manifests/crds');
      return readdirSync(folder)
        .filter((file) => KINDS.test(file))
        .map((file) => join(folder, file));
    });
}

async function accessTo(server: ApiServer, definitions: readonly string[]): Promise<ApiServerAccess> {
  const config = JSON.parse(await succeed(server, ['config', 'view', '--raw', '-o', 'json']));
  const { server: url, 'certificate-authority': certificate } = config.clusters[0].cluster;
  const token = await succeed(server, [
    'create',
    'token',
    'cv-inference-deployment-dashboard',
    '-n',
    'cv-inference',
  ]);
  return {
    url,
    etcdUrl: server.etcdUrl,
    certificate: await readFile(certificate, 'utf8'),
    adminToken: config.users[0].user.token,
    token: token.trim(),
    definitions,
  };
}

async function succeed(server: ApiServer, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await server.kubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}
