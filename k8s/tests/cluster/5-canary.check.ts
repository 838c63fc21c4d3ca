import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stateOf, untilHealthy } from './support/applications.js';
import { type Counts, losses, lost, removeLoad, startLoad } from './support/client.js';
import { letDashboardIn, shown } from './support/dashboard.js';
import { bringUp, promote, takeOver, turnOn } from './support/environments.js';
import { clusterAbsent, field, getJson, isFull, rounded, until } from './support/kubectl.js';
import { announce, Repository } from './support/repository.js';

const PRODUCTION = 'cv-inference';
const IN_PRODUCTION = `--namespace=${PRODUCTION}`;
const APPLICATION = 'cv-inference-production';
const REQUESTS_PER_SECOND = 20;
const SETTINGS = 'k8s/base/config.env';
const MODEL = 'k8s/release/model.env';
const IMAGE = 'k8s/release/kustomization.yaml';

const FAULTS = [
  ['fails', SETTINGS, { REQUEST_TIMEOUT_MS: '1' }],
  ['is slow', SETTINGS, { MAX_BATCH_WAIT_MS: '900', MAX_BATCH_SIZE: '64' }],
  ['has another model than it should', MODEL, { MODEL_SHA256: '0'.repeat(64) }],
  ['never becomes ready', MODEL, { MODEL_URI: 'https://10.255.255.1/model.onnx' }],
] as const;

interface RolloutStatus {
  readonly phase: string;
  readonly message?: string;
  readonly abort?: boolean;
  readonly stableRS: string;
  readonly currentPodHash: string;
  readonly replicas: number;
  readonly updatedReplicas?: number;
  readonly readyReplicas?: number;
}

interface Pod {
  readonly metadata: {
    readonly deletionTimestamp?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
}

async function status(): Promise<RolloutStatus> {
  return (await getJson<{ status: RolloutStatus }>(IN_PRODUCTION, 'rollout', 'cv-inference')).status;
}

async function seen(): Promise<string> {
  const { phase, message, replicas, readyReplicas, updatedReplicas } = await status();
  const { text } = await stateOf(APPLICATION);
  return `${phase} ${message}, ${updatedReplicas} new, ${readyReplicas} ready of ${replicas}; ${text}`;
}

async function isCanary(): Promise<boolean> {
  const { stableRS, currentPodHash } = await status();
  return stableRS !== currentPodHash;
}

/** All pods that are not on their way out are ready and of the stable version. */
async function isStableAlone(): Promise<boolean> {
  const { stableRS, readyReplicas, replicas } = await status();
  if (readyReplicas !== replicas || replicas < 2) return false;
  const selector = '--selector=app.kubernetes.io/component=service';
  const { items } = await getJson<{ items: Pod[] }>(IN_PRODUCTION, 'pods', selector);
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .every(({ metadata }) => metadata.labels['rollouts-pod-template-hash'] === stableRS);
}

const isAtRest = async (): Promise<boolean> => !(await isCanary()) && (await isStableAlone());
const wasGivenUp = async (): Promise<boolean> => (await status()).abort === true && (await isStableAlone());

describe.skipIf(clusterAbsent())('a canary in production', () => {
  let repository: Repository;
  let start = '';
  let stop: () => Promise<Counts>;

  /** Changes something, releases it and promotes that to production, in one push. */
  async function deploy(file: string, change: (text: string) => string): Promise<void> {
    await repository.edit(file, change);
    await promote(repository, await repository.commit(`Change ${file}`));
    await announce('cv-inference-root');
    await until({ withinS: 30, what: 'the canary has begun' }, isCanary, seen);
  }
  const set = (file: string, settings: Readonly<Record<string, string>>): Promise<void> =>
    deploy(file, (text) => {
      const others = text
        .split('\n')
        .filter((line) => line !== '' && !((line.split('=')[0] ?? '') in settings));
      return [...others, ...Object.entries(settings).map(([name, value]) => `${name}=${value}`), ''].join(
        '\n',
      );
    });

  /** Takes the last promotion back, and what it had promoted. */
  async function revert(): Promise<void> {
    await repository.revertAndPush('HEAD', 'HEAD~1');
    await announce('cv-inference-root');
  }

  /** What was seen since the last time. */
  async function recount(): Promise<Counts> {
    const counts = await stop();
    stop = await startLoad(PRODUCTION, REQUESTS_PER_SECOND);
    return counts;
  }

  async function settle(): Promise<void> {
    await sleep(5_000);
    await until({ withinS: 180, what: 'production is at rest' }, isAtRest, seen);
    await untilHealthy(APPLICATION, { withinS: 60, what: 'production is healthy' });
  }

  beforeAll(async () => {
    repository = await Repository.copy();
    await takeOver(repository);
    if (isFull) await turnOn(repository, 'deployment-dashboard', 'deployment-dashboard/authors');
    start = await promote(repository, await repository.commit('Take over'));
    await Promise.all([bringUp(repository, 'production'), isFull && letDashboardIn()]);
    await settle();
    stop = await startLoad(PRODUCTION, REQUESTS_PER_SECOND);
  });
  beforeEach(async () => {
    if ((await repository.isAt(start)) && (await isAtRest())) return;
    await repository.restoreAndPush(start);
    await announce('cv-inference-root');
    await settle();
    await recount();
  });
  afterAll(async () => {
    await removeLoad(PRODUCTION);
    await repository.remove();
  });

  it.runIf(isFull)(
    'goes through where it is well, loses no request, and is taken back at once',
    async ({ annotate }) => {
      const before = (await status()).stableRS;
      await set(SETTINGS, { LOG_LEVEL: 'warn' });
      const there = await until({ withinS: 270, what: 'all pods are of the new version' }, isAtRest, seen);
      await revert();
      const back = await until(
        { withinS: 60, what: 'all pods are of the version before' },
        async () => (await status()).stableRS === before && (await isAtRest()),
        seen,
      );
      const counts = await recount();
      await annotate(`there in ${rounded(there)}, back in ${rounded(back)}, ${losses(counts)}`);
      expect(lost(counts)).toBe(0);
    },
  );

  it('is taken back at once in its middle, though it changes a setting', async ({ annotate }) => {
    const before = (await status()).stableRS;
    await set(SETTINGS, { LOG_LEVEL: 'error' });
    await sleep(40_000);
    expect(await isCanary()).toBe(true);
    await revert();
    const back = await until({ withinS: 60, what: 'all pods are of the version before' }, isAtRest, seen);
    expect((await status()).stableRS).toBe(before);
    const counts = await recount();
    await annotate(`back in ${rounded(back)}, ${losses(counts)}`);
    expect(lost(counts)).toBe(0);
  });

  it.for(isFull ? FAULTS : FAULTS.slice(0, 1))(
    'goes back by itself within 90 s of the push where the new version %s',
    async ([, file, settings], { annotate }) => {
      const before = (await status()).stableRS;
      const startedAt = performance.now();
      await set(file, settings);
      await until({ withinS: 120, what: 'the canary was given up' }, wasGivenUp, seen);
      const seconds = (performance.now() - startedAt) / 1000;
      const counts = await recount();
      await annotate(`${rounded(seconds)}, ${losses(counts)}`);
      expect((await status()).stableRS).toBe(before);
      expect(seconds).toBeLessThan(90);
    },
  );

  it.runIf(isFull)('was on the dashboard: who committed it, why it was given up, the way back', async () => {
    const { items, sources, timeline } = await shown();
    const application = items.find(({ id }) => id === `application/argocd/${APPLICATION}`);
    expect(application).toMatchObject({ commit: { author: 'check' } });
    const told = timeline.map(({ text }) => text);
    const steps = [
      /^cv-inference: version \w+ comes$/,
      /^cv-inference: analysis .* failed: /,
      /^cv-inference is aborted: /,
      /^cv-inference: back to version \w+$/,
    ];
    let from = 0;
    for (const step of steps) {
      const place = told.slice(from).findIndex((text) => step.test(text));
      expect(place, `${step} after\n${told.slice(0, from).join('\n')}`).not.toBe(-1);
      from += place + 1;
    }
    expect(told.filter((text) => /is synced to \w+ “.*” by check$/.test(text))).not.toEqual([]);
    expect(sources.filter(({ state }) => state !== 'connected')).toEqual([]);
  });

  it.runIf(isFull)(
    'goes back where the image is not to be had, and keeps Git from nothing else',
    async ({ annotate }) => {
      const startedAt = performance.now();
      await deploy(IMAGE, (text) => text.replace('newTag: 0.1.0\n', 'newTag: 9.9.9\n'));
      await until({ withinS: 120, what: 'the canary was given up' }, wasGivenUp, seen);
      const back = (performance.now() - startedAt) / 1000;
      await until(
        { withinS: 30, what: 'production is degraded' },
        async () => (await stateOf(APPLICATION)).health === 'Degraded',
      );
      await repository.edit('argocd/environments.yaml', (text) => text.replace('limit: -1', 'limit: -2'));
      await repository.commitAndPush('Change the applications');
      await announce('cv-inference-root');
      const acted = await until(
        { withinS: 30, what: 'the application of staging is changed' },
        async () =>
          (await field(
            '{.spec.syncPolicy.retry.limit}',
            '--namespace=argocd',
            'application',
            'cv-inference-staging',
          )) === '-2',
      );
      await annotate(`back in ${rounded(back)}, another commit acted in ${rounded(acted)}`);
      expect(back).toBeLessThan(90);
    },
  );
});
