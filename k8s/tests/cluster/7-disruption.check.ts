import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stateOf } from './support/applications.js';
import { type Counts, losses, lost, removeLoad, startLoad } from './support/client.js';
import { bringUp, takeOver } from './support/environments.js';
import { clusterAbsent, field, isFull, kubectl, rounded, until } from './support/kubectl.js';
import { readyPods } from './support/pods.js';
import { signalPod } from './support/processes.js';
import { announce, Repository } from './support/repository.js';
import { untilRolledOut } from './support/rollouts.js';

const runFile = promisify(execFile);
const STAGING = 'cv-inference-staging';
const IN_STAGING = `--namespace=${STAGING}`;
/** Commands that end a node as a power cut does, and bring it back; they take its name. */
const { NODE_OFF, NODE_ON } = process.env;
const REQUESTS_PER_SECOND = 20;
/** Of a core more than four pods may take with 70 % of a tenth each, and less than two can give. */
const BUSY_REQUESTS_PER_SECOND = 70;

async function replicas(): Promise<number> {
  return Number(await field('{.status.readyReplicas}', IN_STAGING, 'deployment', 'cv-inference'));
}

async function isNodeReady(name: string): Promise<boolean> {
  return (await field('{.status.conditions[?(@.type=="Ready")].status}', 'node', name)) === 'True';
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

if (!NODE_OFF || !NODE_ON) process.stderr.write('skipped: a dying node: no NODE_OFF, NODE_ON\n');

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
  afterAll(async () => {
    await removeLoad(STAGING);
    await repository.remove();
  });

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
    await untilRolledOut(STAGING, 'deployment/cv-inference', 180);
    const counts = await count();
    await annotate(losses(counts));
    expect(lost(counts)).toBe(0);
  });

  it.runIf(isFull)('loses no request while a node is drained', async ({ annotate }) => {
    const [{ node } = { node: '' }] = await readyPods(STAGING);
    const selector = '--pod-selector=app.kubernetes.io/component=service';
    await kubectl('drain', node, selector, '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=180s');
    const counts = await count();
    await kubectl('uncordon', node);
    await annotate(losses(counts));
    expect(lost(counts)).toBe(0);
  });

  it.runIf(isFull)(
    'loses no request when a pod is deleted, and hardly one when it is killed',
    async ({ annotate }) => {
      const [first, second] = await readyPods(STAGING);
      await kubectl(IN_STAGING, 'delete', 'pod', first?.name ?? '', '--wait=false');
      const deleted = await count();
      expect(lost(deleted)).toBe(0);
      stop = await startLoad(STAGING, REQUESTS_PER_SECOND);
      await sleep(3_000);
      expect(await signalPod(STAGING, second?.name ?? '', 'SIGKILL')).toBeGreaterThan(0);
      await sleep(5_000);
      const killed = await count();
      await annotate(`deleted: ${losses(deleted)}; killed: ${losses(killed)}`);
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
      await annotate(`up in ${rounded(up)}, ${losses(counts)}; down in ${rounded(down)}, ${losses(quiet)}`);
      expect(lost(counts) + lost(quiet)).toBe(0);
    },
  );

  it.runIf(isFull && NODE_OFF && NODE_ON)(
    'loses requests to a node that dies only until the cluster has seen it, and replaces its pod',
    async ({ annotate }) => {
      const client = await field('{.spec.nodeName}', IN_STAGING, 'pod', 'load');
      const pods = await readyPods(STAGING);
      const node = pods.find((pod) => pod.node !== client)?.node ?? '';
      const lostPods = pods.filter((pod) => pod.node === node).length;
      try {
        await runFile('bash', ['-c', `${NODE_OFF} ${node}`]);
        const noticed = await until(
          { withinS: 90, what: 'the cluster knows that the node is away' },
          async () => !(await isNodeReady(node)),
        );
        const during = await stop?.();
        stop = await startLoad(STAGING, REQUESTS_PER_SECOND);
        const replaced = await until({ withinS: 120, what: 'all pods are ready again' }, isReady);
        const after = await count();
        if (during === undefined) throw new Error('there is no load');
        await annotate(
          `${lostPods} of ${pods.length} pods; known after ${rounded(noticed)}, ${losses(during)} until then; replaced ${rounded(replaced)} later, ${losses(after)}`,
        );
        // Where hardly any is lost the node was not dead.
        expect(lost(during) / during.sent).toBeGreaterThan(lostPods / pods.length / 2);
        expect(lost(after)).toBe(0);
      } finally {
        await runFile('bash', ['-c', `${NODE_ON} ${node}`]);
      }
    },
  );
});
