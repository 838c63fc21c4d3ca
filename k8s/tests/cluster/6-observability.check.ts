import { describe, expect, it } from 'vitest';
import { dashboardExpressions, substitute } from '../support/expressions.js';
import { ask, clusterAbsent, field, isFull, kubectl, rounded, until } from './support/kubectl.js';

const PROXY = '/api/v1/namespaces/monitoring/services';

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

async function query(expression: string): Promise<Series[]> {
  const path = `${PROXY}/kube-prometheus-stack-prometheus:9090/proxy/api/v1/query`;
  const answer = await kubectl('get', '--raw', `${path}?query=${encodeURIComponent(expression)}`);
  return (JSON.parse(answer) as { data: { result: Series[] } }).data.result;
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
  it('have found every pod of both environments', async () => {
    for (const namespace of ['cv-inference', 'cv-inference-staging']) {
      const pods = await field(
        '{.items[*].metadata.name}',
        `--namespace=${namespace}`,
        'pods',
        '--selector=app.kubernetes.io/component=service',
      );
      const up = await query(`up{job="cv-inference",namespace="${namespace}"} == 1`);
      expect(up.map(({ metric }) => metric['pod']).sort()).toEqual(pods?.split(' ').sort());
    }
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
