import { describe, expect, it } from 'vitest';
import { dashboardExpressions, substitute } from '../support/expressions.js';
import { ask, clusterAbsent, getJson, isFull, kubectl, rounded, until } from './support/kubectl.js';

const PROXY = '/api/v1/namespaces/monitoring/services';

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function query(expression: string): Promise<Series[]> {
  const path = `${PROXY}/kube-prometheus-stack-prometheus:9090/proxy/api/v1/query`;
  const answer = await kubectl('get', '--raw', `${path}?query=${encodeURIComponent(expression)}`);
  return (JSON.parse(answer) as { data: { result: Series[] } }).data.result;
}

const ENVIRONMENTS = ['cv-inference', 'cv-inference-staging'];

async function readyPods(): Promise<string[]> {
  const selector = '--selector=app.kubernetes.io/component=service';
  const names: string[] = [];
  for (const namespace of ENVIRONMENTS) {
    const { items } = await getJson<{ items: Pod[] }>(`--namespace=${namespace}`, 'pods', selector);
    const ready = items.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    );
    names.push(...ready.map(({ metadata }) => metadata.name));
  }
  return names.sort();
}

async function scrapedPods(): Promise<string[]> {
  const up = await query(`up{job="cv-inference",namespace=~"${ENVIRONMENTS.join('|')}"} == 1`);
  return up.map(({ metric }) => metric['pod'] ?? '').sort();
}

async function isHeardOf(alertname: string): Promise<boolean> {
  const path = `${PROXY}/kube-prometheus-stack-alertmanager:9093/proxy/api/v2/alerts`;
  const filter = encodeURIComponent(`alertname="${alertname}"`);
  const answer = (await ask('get', '--raw', `${path}?filter=${filter}`)) ?? '[]';
  return (JSON.parse(answer) as { labels: { namespace: string } }[]).some(
    ({ labels }) => labels.namespace === 'cv-inference',
  );
}

describe.skipIf(clusterAbsent())('Prometheus and Alertmanager', () => {
  it('find every pod of both environments', async ({ annotate }) => {
    const seconds = await until(
      { withinS: 60, what: 'every ready pod is scraped, and no other' },
      async () => (await readyPods()).join() === (await scrapedPods()).join(),
      async () => `ready ${await readyPods()}, scraped ${await scrapedPods()}`,
    );
    await annotate(rounded(seconds));
  });

  it('have data for the dashboard', async ({ annotate }) => {
    const variables = { namespace: 'cv-inference', rateInterval: '1m', range: '1h', args: {} };
    const expressions = dashboardExpressions().map(({ where, text }) => ({
      where,
      text: substitute(text, variables),
    }));
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
      const fired = await until({ withinS: 150, what: 'Alertmanager has the alert' }, () =>
        isHeardOf('GitOpsRolledBack'),
      );
      await annotate(`after ${rounded(fired)}`);
    },
  );
});
