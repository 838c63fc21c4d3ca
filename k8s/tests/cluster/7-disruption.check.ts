import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stateOf } from './support/applications.js';
import { type Counts, lost, startLoad } from './support/client.js';
import { bringUp, takeOver } from './support/environments.js';
import { ask, clusterAbsent, field, isFull, kubectl, rounded, until } from './support/kubectl.js';
import { announce, Repository } from './support/repository.js';

const STAGING = 'cv-inference-staging';
const IN_STAGING = `--namespace=${STAGING}`;
const SELECTOR = 'app.kubernetes.io/component=service';
const REQUESTS_PER_SECOND = 20;
/** Of a core more than four pods may take with 70 % of a tenth each, and less than two can give. */
const BUSY_REQUESTS_PER_SECOND = 110;

async function replicas(): Promise<number> {
  return Number(await field('{.status.readyReplicas}', IN_STAGING, 'deployment', 'cv-inference'));
}

async function isReady(): Promise<boolean> {
  const [wanted, ready, updated] = (
    (await field(
      '{.spec.replicas} {.status.readyReplicas} {.status.updatedReplicas}',
      IN_STAGING,
      'deployment',
      'cv-inference',
    )) ?? ''
  ).split(' ');
  return Number(wanted) >= 2 && wanted === ready && wanted === updated;
}

const untilReady = (): Promise<number> => until({ withinS: 120, what: 'staging is ready' }, isReady);

describe.skipIf(clusterAbsent())('staging under load', () => {
  let repository: Repository;
  let stop: (() => Promise<Counts>) | undefined;

  beforeAll(async () => {
    repository = await Repository.copy();
    await takeOver(repository);
    await repository.commitAndPush('Take over');
    await bringUp(repository, 'staging');
  });
  beforeEach(async () => {
    await untilReady();
    stop = await startLoad(STAGING, REQUESTS_PER_SECOND);
    await sleep(3_000);
  });
  afterAll(() => repository.remove());

  /** Ends the load, five seconds after what was done. */
  async function count(): Promise<Counts> {
    await untilReady();
    await sleep(5_000);
    const counts = await stop?.();
    if (counts === undefined) throw new Error('there is no load');
    return counts;
  }

  it('loses no request in a rolling restart', async ({ annotate }) => {
    await kubectl(IN_STAGING, 'rollout', 'restart', 'deployment/cv-inference');
    await kubectl(IN_STAGING, 'rollout', 'status', 'deployment/cv-inference', '--timeout=180s');
    const counts = await count();
    await annotate(`${lost(counts)} of ${counts.sent} lost`);
    expect(lost(counts)).toBe(0);
  });

  it.runIf(isFull)('loses no request while a node is drained', async ({ annotate }) => {
    const node =
      (await field('{.items[0].spec.nodeName}', IN_STAGING, 'pods', `--selector=${SELECTOR}`)) ?? '';
    const selector = `--pod-selector=${SELECTOR}`;
    await kubectl('drain', node, selector, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=180s');
    const counts = await count();
    await kubectl('uncordon', node);
    await annotate(`${lost(counts)} of ${counts.sent} lost`);
    expect(lost(counts)).toBe(0);
  });

  it.runIf(isFull)(
    'loses no request when a pod is deleted, and hardly one when it is killed',
    async ({ annotate }) => {
      const pods = (
        (await field('{.items[*].metadata.name}', IN_STAGING, 'pods', `--selector=${SELECTOR}`)) ?? ''
      ).split(' ');
      await kubectl(IN_STAGING, 'delete', 'pod', pods[0] ?? '', '--wait=false');
      const deleted = await count();
      expect(lost(deleted)).toBe(0);
      stop = await startLoad(STAGING, REQUESTS_PER_SECOND);
      await sleep(3_000);
      await ask(IN_STAGING, 'exec', pods[1] ?? '', '--', 'node', '--eval', "process.kill(1, 'SIGKILL')");
      await sleep(5_000);
      const killed = await count();
      await annotate(
        `deleted: ${lost(deleted)} of ${deleted.sent} lost; killed: ${lost(killed)} of ${killed.sent}`,
      );
      expect(lost(killed) / killed.sent).toBeLessThan(0.05);
    },
  );

  it.runIf(isFull)(
    'is scaled from two pods to five and back, by Argo CD untouched, and loses no request',
    async ({ annotate }) => {
      await stop?.();
      stop = await startLoad(STAGING, BUSY_REQUESTS_PER_SECOND);
      const up = await until(
        { withinS: 180, what: 'there are five pods' },
        async () => (await replicas()) === 5,
      );
      await announce('cv-inference-staging');
      await sleep(10_000);
      expect(await replicas()).toBe(5);
      expect((await stateOf('cv-inference-staging')).sync).toBe('Synced');
      const counts = await stop();
      stop = await startLoad(STAGING, 2);
      const down = await until(
        { withinS: 240, what: 'there are two pods' },
        async () => (await replicas()) === 2,
      );
      const quiet = await stop();
      await annotate(
        `up in ${rounded(up)}, ${lost(counts)} of ${counts.sent} lost; down in ${rounded(down)}, ${lost(quiet)} of ${quiet.sent} lost`,
      );
      expect(lost(counts) + lost(quiet)).toBe(0);
    },
  );
});
