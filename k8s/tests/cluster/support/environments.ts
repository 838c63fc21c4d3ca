import { parse, stringify } from 'yaml';
import { stateOf, untilHealthy, untilSynced } from './applications.js';
import { ask, kubectl, until } from './kubectl.js';
import { announce, REPOSITORY_URL, type Repository } from './repository.js';

interface Kustomization {
  components: string[];
  patches?: unknown[];
}

const NAMESPACES = { staging: 'cv-inference-staging', production: 'cv-inference' };

/** Two pods, a third that replaces one and what else runs have room on a machine of two cores. */
export const SMALL = {
  requests: { cpu: '100m', memory: '256Mi', 'ephemeral-storage': '128Mi' },
  limits: { cpu: '1', memory: '1Gi' },
};

/** Down within a minute, rather than in eight. */
export const QUICKLY_DOWN = {
  stabilizationWindowSeconds: 15,
  policies: [{ type: 'Pods', value: 1, periodSeconds: 15 }],
};

/** What someone changes who takes this repository over: its URL, the platform, which is installed already, and drift. */
export async function takeOver(repository: Repository): Promise<void> {
  await repository.edit('argocd/root.yaml', (text) =>
    text.replaceAll('https://github.com/cv-inference/cv-inference', REPOSITORY_URL),
  );
  await repository.edit('argocd/kustomization.yaml', (text) =>
    text.replace(/^ {2}- platform\/(?!project|gitops-monitoring).*\n/gm, ''),
  );
  for (const [overlay, kind] of [
    ['staging', 'Deployment'],
    ['production', 'Rollout'],
  ] as const) {
    await repository.edit(`k8s/overlays/${overlay}/kustomization.yaml`, (text) => {
      const kustomization = parse(
        text.replace('# - ../../components/drift', '- ../../components/drift'),
      ) as Kustomization;
      return stringify({
        ...kustomization,
        patches: [
          ...(kustomization.patches ?? []),
          {
            target: { kind, name: 'cv-inference' },
            patch: JSON.stringify([
              { op: 'replace', path: '/spec/template/spec/containers/0/resources', value: SMALL },
            ]),
          },
          {
            target: { kind: 'HorizontalPodAutoscaler', name: 'cv-inference' },
            patch: JSON.stringify([{ op: 'replace', path: '/spec/behavior/scaleDown', value: QUICKLY_DOWN }]),
          },
        ],
      });
    });
  }
}

/** Adds components to production, which come before those that turn what others bring. */
export function turnOn(repository: Repository, ...components: readonly string[]): Promise<void> {
  return repository.edit('k8s/overlays/production/kustomization.yaml', (text) => {
    const kustomization = parse(text) as Kustomization;
    const paths = components.map((name) => `../../components/${name}`);
    kustomization.components.unshift(...paths);
    return stringify(kustomization);
  });
}

/**
 * In place of NGINX Gateway Fabric, which serves one Gateway here, that of its own check: these are accepted, and nothing
 * routes. Only the states are written by which Argo CD knows a gateway to be well.
 */
async function acceptGateway(namespace: string): Promise<void> {
  const lastTransitionTime = new Date().toISOString();
  const conditions = ['Accepted', 'Programmed', 'ResolvedRefs'].map((type) => ({
    type,
    status: 'True',
    reason: type,
    message: '',
    lastTransitionTime,
  }));
  const parentRef = { name: 'cv-inference' };
  const parents = [{ parentRef, controllerName: 'check.localhost/gateway', conditions }];
  const names = await ask('--namespace', namespace, 'get', 'gateways,httproutes', '--output=name');
  for (const name of names?.split('\n').filter(Boolean) ?? []) {
    const status = name.startsWith('gateway.') ? { conditions } : { parents };
    await kubectl(
      '--namespace',
      namespace,
      'patch',
      name,
      '--subresource=status',
      '--type=merge',
      `--patch=${JSON.stringify({ status })}`,
    );
  }
}

/** Hands the repository to Argo CD and waits until an environment is as it says, and well. @returns seconds */
export async function bringUp(repository: Repository, name: 'staging' | 'production'): Promise<number> {
  const startedAt = performance.now();
  const application = `cv-inference-${name}`;
  const root = `${repository.folder}/argocd/root.yaml`;
  await kubectl('apply', '--server-side', '--force-conflicts', `--filename=${root}`);
  await announce('cv-inference-root');
  await until(
    { withinS: 60, what: `${application} is there` },
    async () => (await stateOf(application)).sync !== 'absent',
  );
  await announce(application);
  // Staging is at main; what it was given before may be in sync with an older commit.
  const revision = name === 'staging' ? await repository.head() : undefined;
  await untilSynced(application, { withinS: 120, what: `${name} is in sync` }, revision);
  await acceptGateway(NAMESPACES[name]);
  await untilHealthy(application, { withinS: 180, what: `${name} is healthy` });
  return (performance.now() - startedAt) / 1000;
}

/** What a promotion does: one line. @returns the commit */
export async function promote(repository: Repository, revision: string): Promise<string> {
  await repository.edit('argocd/environments.yaml', (text) =>
    text.replace(/(?<=name: production, .*revision: )\w+/, revision),
  );
  return repository.commitAndPush(`Promote ${revision}`);
}
