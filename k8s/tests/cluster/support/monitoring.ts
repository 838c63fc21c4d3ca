import { alertId } from '../../support/expressions.js';
import { ask, kubectl } from './kubectl.js';

const PROXY = '/api/v1/namespaces/monitoring/services';

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** What Prometheus answers now. */
export async function query(expression: string): Promise<Series[]> {
  const path = `${PROXY}/kube-prometheus-stack-prometheus:9090/proxy/api/v1/query`;
  const answer = await kubectl('get', '--raw', `${path}?query=${encodeURIComponent(expression)}`);
  return (JSON.parse(answer) as { data: { result: Series[] } }).data.result;
}

/** Of a namespace, what Alertmanager has been told and has not been told to be over. */
export async function alertsOf(namespace: string): Promise<string[]> {
  const path = `${PROXY}/kube-prometheus-stack-alertmanager:9093/proxy/api/v2/alerts`;
  const filter = encodeURIComponent(`namespace="${namespace}"`);
  const answer = (await ask('get', '--raw', `${path}?filter=${filter}`)) ?? '[]';
  const alerts = JSON.parse(answer) as { labels: Record<string, string> }[];
  const ids = alerts.map(({ labels }) => alertId({ alert: labels['alertname'] ?? '', expr: '', labels }));
  return [...new Set(ids)].sort();
}
