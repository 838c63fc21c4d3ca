import { describe, expect, it } from 'vitest';
import { dashboardExpressions, driftDashboardExpressions, substitute } from '../support/expressions.js';
import { clusterAbsent, isFull, rounded, until } from './support/kubectl.js';
import { alertsOf, query } from './support/monitoring.js';
import { readyPods } from './support/pods.js';

const ENVIRONMENTS = ['cv-inference', 'cv-inference-staging'];

async function expectedPods(): Promise<string[]> {
  return (await Promise.all(ENVIRONMENTS.map(readyPods)))
    .flat()
    .map(({ name }) => name)
    .sort();
}

async function scrapedPods(): Promise<string[]> {
  const up = await query(`up{job="cv-inference",namespace=~"${ENVIRONMENTS.join('|')}"} == 1`);
  return up.map(({ metric }) => metric['pod'] ?? '').sort();
}

describe.skipIf(clusterAbsent())('Prometheus and Alertmanager', () => {
  it('find every pod of both environments', async ({ annotate }) => {
    const seconds = await until(
      { withinS: 60, what: 'every ready pod is scraped, and no other' },
      async () => (await expectedPods()).join() === (await scrapedPods()).join(),
      async () => `ready ${await expectedPods()}, scraped ${await scrapedPods()}`,
    );
    await annotate(rounded(seconds));
  });

  it('have data for the dashboards', async ({ annotate }) => {
    const variables = { namespace: 'cv-inference', rateInterval: '1m', range: '1h', args: {} };
    const expressions = [...dashboardExpressions(), ...driftDashboardExpressions()].map(
      ({ where, text }) => ({
        where,
        text: substitute(text, variables),
      }),
    );
    const empty: string[] = [];
    for (const { where, text } of expressions) {
      if ((await query(`last_over_time((${text})[30m:15s])`)).length === 0) empty.push(where);
    }
    await annotate(
      `${expressions.length - empty.length} of ${expressions.length} queries; without data: ${empty.join('; ')}`,
    );
    expect(empty).toEqual([]);
  });

  it.runIf(isFull)(
    'tell of a version that was taken back, until Git has taken it back too',
    async ({ annotate }) => {
      const fired = await until({ withinS: 150, what: 'Alertmanager has the alert' }, async () =>
        (await alertsOf('cv-inference')).includes('GitOpsRolledBack warning'),
      );
      await annotate(`after ${rounded(fired)}`);
    },
  );
});
