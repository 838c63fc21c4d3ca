import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateOf, untilHealthy, untilSynced } from './support/applications.js';
import { bringUp, promote, takeOver } from './support/environments.js';
import { ask, clusterAbsent, field, getJson, isFull, kubectl, rounded, until } from './support/kubectl.js';
import { announce, Repository } from './support/repository.js';

const STAGING = '--namespace=cv-inference-staging';
const PRODUCTION = '--namespace=cv-inference';

interface Managed {
  readonly metadata: {
    readonly managedFields: readonly {
      readonly manager: string;
      readonly fieldsV1: { readonly 'f:spec'?: object };
    }[];
  };
}

describe.skipIf(clusterAbsent())('Argo CD', () => {
  let repository: Repository;
  let taken = '';
  beforeAll(async () => {
    repository = await Repository.copy();
    await takeOver(repository);
    taken = await repository.commitAndPush('Take over');
  });
  afterAll(() => repository.remove());

  const budget = (namespace: string) =>
    field('{.spec.maxUnavailable}', namespace, 'poddisruptionbudget', 'cv-inference');
  const allowDisruptions = (from: number, to: number) =>
    repository.edit('k8s/base/pod-disruption-budget.yaml', (text) =>
      text.replace(`maxUnavailable: ${from}`, `maxUnavailable: ${to}`),
    );

  it('brings up both environments from the root application alone', async ({ annotate }) => {
    const staging = await bringUp(repository, 'staging');
    const production = await bringUp(repository, 'production');
    await annotate(rounded(staging + production));
    const { text } = await stateOf('cv-inference-root');
    expect(text).toMatch(/^cv-inference-root: Synced, Healthy, Succeeded/);
  });

  it('owns no replicas', async () => {
    for (const [namespace, kind] of [
      [STAGING, 'deployment'],
      [PRODUCTION, 'rollout'],
    ] as const) {
      const { metadata } = await getJson<Managed>(namespace, kind, 'cv-inference', '--show-managed-fields');
      const owners = metadata.managedFields.filter(
        ({ fieldsV1 }) => 'f:replicas' in (fieldsV1['f:spec'] ?? {}),
      );
      expect(owners.map(({ manager }) => manager)).not.toContain('argocd-controller');
    }
  });

  it('heals what was changed by hand', async ({ annotate }) => {
    await kubectl(
      STAGING,
      'patch',
      'deployment',
      'cv-inference',
      '--type=merge',
      '--patch={"spec":{"minReadySeconds":99}}',
    );
    const seconds = await until(
      { withinS: 20, what: 'minReadySeconds is 5 again' },
      async () => (await field('{.spec.minReadySeconds}', STAGING, 'deployment', 'cv-inference')) === '5',
    );
    await annotate(rounded(seconds));
  });

  it('makes anew what was deleted by hand', async ({ annotate }) => {
    await kubectl(STAGING, 'delete', 'service,deployment', 'cv-inference');
    const seconds = await until(
      { withinS: 20, what: 'both are there again' },
      async () => (await ask(STAGING, 'get', 'service,deployment', 'cv-inference')) !== undefined,
    );
    await annotate(rounded(seconds));
  });

  it("heals a Service's port", async ({ annotate }) => {
    const port = '[{"op":"replace","path":"/spec/ports/0/port","value":81}]';
    await kubectl(STAGING, 'patch', 'service', 'cv-inference', '--type=json', `--patch=${port}`);
    const seconds = await until(
      { withinS: 20, what: 'the port is 80 again' },
      async () => (await field('{.spec.ports[*].port}', STAGING, 'service', 'cv-inference')) === '80',
      async () => (await stateOf('cv-inference-staging')).text,
    );
    await annotate(rounded(seconds));
    await untilHealthy('cv-inference-staging', { withinS: 60, what: 'staging is healthy' });
  });

  it.runIf(isFull)(
    'sees a commit without being told, and removes what a commit removes',
    async ({ annotate }) => {
      const extra = 'k8s/overlays/staging/kustomization.yaml';
      await repository.edit(
        extra,
        (text) =>
          `${text}configMapGenerator:\n  - { name: extra, literals: [a=b], options: { disableNameSuffixHash: true } }\n`,
      );
      await repository.commitAndPush('Add a ConfigMap');
      const isThere = async () => (await ask(STAGING, 'get', 'configmap', 'extra')) !== undefined;
      const added = await until({ withinS: 60, what: 'the ConfigMap is there' }, isThere);
      await repository.revertAndPush('HEAD');
      await announce('cv-inference-staging');
      const removed = await until(
        { withinS: 20, what: 'the ConfigMap is gone' },
        async () => !(await isThere()),
      );
      await annotate(
        `added ${rounded(added)} after the push, removed ${rounded(removed)} after push and webhook`,
      );
    },
  );

  it('gives production what staging has only when that is promoted: manifests too', async ({ annotate }) => {
    await promote(repository, taken);
    await announce('cv-inference-root');
    await untilSynced('cv-inference-production', { withinS: 30, what: 'production is at the commit' }, taken);
    await allowDisruptions(1, 2);
    const commit = await repository.commitAndPush('Allow more disruptions');
    await announce('cv-inference-root', 'cv-inference-staging', 'cv-inference-production');
    const staging = await until(
      { withinS: 30, what: 'staging has it' },
      async () => (await budget(STAGING)) === '2',
    );
    await sleep(10_000);
    expect(await budget(PRODUCTION)).toBe('1');
    await promote(repository, commit);
    await announce('cv-inference-root');
    const production = await until(
      { withinS: 30, what: 'production has it' },
      async () => (await budget(PRODUCTION)) === '2',
    );
    await annotate(
      `staging after ${rounded(staging)}, production ${rounded(production)} after its promotion`,
    );
  });

  it('takes no environment away because a line is gone', async () => {
    await repository.edit('argocd/environments.yaml', (text) => text.replace(/.*name: staging, .*\n/, ''));
    await repository.commitAndPush('Forget staging');
    await announce('cv-inference-root');
    await sleep(15_000);
    await repository.edit('argocd/kustomization.yaml', (text) =>
      text.replace(/.*environments\.yaml.*\n/, ''),
    );
    await repository.commitAndPush('Forget all environments');
    await announce('cv-inference-root');
    await sleep(15_000);
    for (const namespace of [STAGING, PRODUCTION])
      expect(await ask(namespace, 'get', 'service', 'cv-inference')).toBeDefined();
    await repository.revertAndPush('HEAD', 'HEAD~1');
    await announce('cv-inference-root');
    await untilSynced('cv-inference-root', { withinS: 60, what: 'root is in sync again' });
  });

  it.runIf(isFull)('deletes an environment only when a person confirms it', async ({ annotate }) => {
    await kubectl('--namespace=argocd', 'delete', 'application', 'cv-inference-staging', '--wait=false');
    await sleep(10_000);
    expect(await field('{.status.phase}', 'namespace', 'cv-inference-staging')).toBe('Active');
    await kubectl(
      '--namespace=argocd',
      'annotate',
      'application',
      'cv-inference-staging',
      `argocd.argoproj.io/deletion-approved=${new Date().toISOString()}`,
    );
    const seconds = await until({ withinS: 90, what: 'the namespace is gone, and made anew' }, async () => {
      const age = await field('{.metadata.creationTimestamp}', 'namespace', 'cv-inference-staging');
      return age !== undefined && Date.now() - Date.parse(age) < 60_000;
    });
    await annotate(rounded(seconds));
    await bringUp(repository, 'staging');
  });
});
