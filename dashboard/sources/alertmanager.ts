import type { AlertItem } from '../items.js';
import { text } from '../projection/text.js';
import { getJson } from './get-json.js';

/** GET /api/v2/alerts */
interface Alert {
  readonly fingerprint: string;
  readonly startsAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly status: { readonly silencedBy: readonly string[] };
}

const MAX_ALERTS = 500;

/** The alerts of these namespaces that fire, but for those that another one inhibits. */
export async function firingAlerts(
  url: string,
  namespaces: ReadonlySet<string>,
  stop: AbortSignal,
): Promise<AlertItem[]> {
  const alerts = (await getJson({
    url: `${url}/api/v2/alerts?active=true&silenced=true&inhibited=false`,
    stop,
  })) as Alert[];
  if (!Array.isArray(alerts)) throw new Error('answers no list of alerts');
  return alerts
    .filter(({ labels }) => namespaces.has(labels['namespace'] ?? ''))
    .slice(0, MAX_ALERTS)
    .map(projectAlert);
}

export function projectAlert({ fingerprint, startsAt, labels, annotations, status }: Alert): AlertItem {
  const namespace = text(labels['namespace']);
  const name = text(labels['alertname']);
  const runbook = annotations['runbook_url'];
  return {
    id: `alert/${namespace}/${name}-${text(fingerprint)}`,
    kind: 'alert',
    namespace,
    name,
    severity: text(labels['severity']) || 'none',
    summary: text(annotations['summary'] ?? annotations['description'] ?? annotations['message']),
    startedAt: text(startsAt),
    silenced: status.silencedBy.length > 0,
    // A link that somebody will follow.
    ...(runbook !== undefined && /^https?:\/\//.test(runbook) && { runbook: text(runbook, 1000) }),
  };
}
