import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alertId, alerts, gitopsGroups } from '../support/expressions.js';
import { hurried } from '../support/hurried.js';
import { untilHealthy } from './support/applications.js';
import { bringUp, promote, takeOver } from './support/environments.js';
import { MINUTE_S } from './support/faulty.js';
import { apply, ask, clusterAbsent, field, isFull, kubectl, rounded, until } from './support/kubectl.js';
import { alertsOf } from './support/monitoring.js';
import { announce, Repository } from './support/repository.js';

const NAMESPACES = ['cv-inference', 'cv-inference-staging', 'argo-rollouts'] as const;
const STAGING = 'k8s/overlays/staging/kustomization.yaml';
/** The longest waits: a canary until it pauses, 85 s, and half an hour of the rules. */
const FIRES_WITHIN_S = 360;
const IN_PRODUCTION = '--namespace=cv-inference';

describe.skipIf(clusterAbsent() ?? !isFull)(
  `alerts on deployments, with a minute of their rules in ${MINUTE_S} s`,
  () => {
    let repository: Repository;
    const seen = new Set<string>();

    async function firing(): Promise<string[]> {
      const ids = (await Promise.all(NAMESPACES.map(alertsOf))).flat();
      return [...ids, ...(await alertsOf(''))].filter((id) => id.startsWith('GitOps'));
    }

    /** @returns seconds until all of them are there, in words */
    async function fires(...ids: readonly string[]): Promise<string> {
      const seconds = await until(
        { withinS: FIRES_WITHIN_S, what: `${ids}` },
        async () => {
          const there = await firing();
          return ids.every((id) => there.includes(id));
        },
        async () => (await firing()).join(', '),
      );
      for (const id of ids) seen.add(id);
      return `fired after ${rounded(seconds)}`;
    }

    async function isOver(): Promise<string> {
      const seconds = await until(
        { withinS: 240, what: 'no alert on deployments' },
        async () => (await firing()).length === 0,
        async () => (await firing()).join(', '),
      );
      return `over after ${rounded(seconds)}`;
    }

    async function push(message: string): Promise<void> {
      await repository.commitAndPush(message);
      await announce('cv-inference-root', 'cv-inference-staging', 'cv-inference-production');
    }
    async function revert(...commits: readonly string[]): Promise<void> {
      await repository.revertAndPush(...commits);
      await announce('cv-inference-root', 'cv-inference-staging', 'cv-inference-production');
    }

    beforeAll(async () => {
      await apply({
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'PrometheusRule',
        metadata: {
          name: 'gitops-hurried',
          namespace: 'monitoring',
          labels: { release: 'kube-prometheus-stack' },
        },
        spec: { groups: hurried(gitopsGroups(), MINUTE_S) },
      });
      repository = await Repository.copy();
      await takeOver(repository);
      await promote(repository, await repository.commit('Take over'));
      await bringUp(repository, 'staging');
      await bringUp(repository, 'production');
      await isOver();
    });
    afterAll(async () => {
      await kubectl('--namespace=monitoring', 'delete', 'prometheusrule', 'gitops-hurried');
      await repository.remove();
    });

    it('what Git has cannot be rendered', async ({ annotate }) => {
      await repository.edit(STAGING, (text) => text.replace('resources:', 'resources:\n  - nowhere.yaml'));
      await push('Name a file that is not there');
      const fired = await fires('GitOpsComparisonFailing warning');
      await revert('HEAD');
      await annotate(`${fired}, ${await isOver()}`);
    });

    it('what Git has is not permitted to its project', async ({ annotate }) => {
      const role = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'everything' },
      };
      await repository.edit('k8s/overlays/staging/role.yaml', () => JSON.stringify(role));
      await repository.edit(STAGING, (text) => text.replace('resources:', 'resources:\n  - role.yaml'));
      await push('Permit everything');
      const fired = await fires('GitOpsOutOfSync warning');
      expect(await ask('get', 'clusterrole', 'everything')).toBeUndefined();
      await revert('HEAD');
      await annotate(`${fired}, ${await isOver()}`);
    });

    it('a canary that nobody asks, and that a person then gives up', { timeout: 900_000 }, async ({
      annotate,
    }) => {
      await repository.edit('k8s/base/config.env', (text) => `${text}LOG_LEVEL=warn\n`);
      await promote(repository, await repository.commit('Change a setting'));
      await announce('cv-inference-root');
      const paused = await fires('GitOpsRolloutPaused warning');
      await kubectl(
        IN_PRODUCTION,
        'patch',
        'rollout',
        'cv-inference',
        '--subresource=status',
        '--type=merge',
        '--patch={"status":{"abort":true}}',
      );
      const aborted = await fires('GitOpsRolledBack warning', 'GitOpsDegraded warning');
      await revert('HEAD', 'HEAD~1');
      await untilHealthy('cv-inference-production', { withinS: 120, what: 'production is healthy' });
      await annotate(`paused: ${paused}; given up: ${aborted}, ${await isOver()}`);
    });

    it('nobody says how deployments go', async ({ annotate }) => {
      const deployment = ['--namespace=argo-rollouts', 'deployment', 'argo-rollouts'];
      const replicas = await field('{.spec.replicas}', ...deployment);
      const scale = (count: string): Promise<string> =>
        kubectl('--namespace=argo-rollouts', 'scale', 'deployment/argo-rollouts', `--replicas=${count}`);
      await scale('0');
      const fired = await fires('GitOpsAbsent warning');
      await scale(replicas ?? '1');
      await sleep(1_000);
      await annotate(`${fired}, ${await isOver()}`);
    });

    it('there is no other', () => {
      expect([...seen].sort()).toEqual(alerts(gitopsGroups()).map(alertId).sort());
    });
  },
);
