import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { RuleGroup } from '../k8s/tests/support/expressions.js';
import { hurried } from '../k8s/tests/support/hurried.js';
import { PACKAGE_ROOT } from './package-root.js';

const DRIFT = 'k8s/components/drift/drift.yaml';
const STACK = 'argocd/platform/kube-prometheus-stack.yaml';
const RECEIVER = 'argocd/receivers/retrain/kustomization.yaml';
const BRIDGE_URL = 'http://cv-inference-bridge.cv-inference';
const SECRETS = '/etc/alertmanager/secrets';
/** What Alertmanager waits for, hurried as the rules are. */
const WAITS = { group_wait: '1s', group_interval: '2s', repeat_interval: '5s' };

interface Route {
  readonly routes: readonly object[];
}

interface AlertmanagerConfig {
  readonly route: Route & Readonly<Record<string, unknown>>;
  readonly receivers: readonly object[];
}

const read = (file: string): string => readFileSync(join(PACKAGE_ROOT, file), 'utf8');

/**
 * The rules of k8s/components/drift, as a file of Prometheus. Only durations differ: a minute takes `secondsOfMinute`.
 * Thresholds and least counts stay.
 */
export function driftRules(secondsOfMinute: number): string {
  const { spec } = parse(read(DRIFT)) as { spec: { groups: readonly RuleGroup[] } };
  return stringify({ groups: hurried(spec.groups, secondsOfMinute) });
}

/** Alertmanager's configuration of the GitOps repository with the receiver `retrain`; its waits are seconds. */
export function alertmanagerConfig(bridgeUrl: string, secrets: string): string {
  const config = withReceiver(stackConfig(), parse(read(RECEIVER)));
  let text = stringify(config).replaceAll(BRIDGE_URL, bridgeUrl).replaceAll(SECRETS, secrets);
  for (const [name, value] of Object.entries(WAITS)) {
    text = text.replace(new RegExp(`${name}: .+`, 'g'), `${name}: ${value}`);
  }
  return text;
}

function stackConfig(): AlertmanagerConfig {
  const documents = parseAllDocuments(read(STACK)).map((document) => document.toJS());
  const { spec } = documents.find(({ kind }) => kind === 'Application');
  return spec.source.helm.valuesObject.alertmanager.config;
}

/** The patches of the receiver's component: its route before all others, and itself beside them. */
function withReceiver(
  config: AlertmanagerConfig,
  { patches }: { readonly patches: readonly { readonly patch: string }[] },
): AlertmanagerConfig {
  const operations = patches.flatMap(({ patch }) => parse(patch) as { path: string; value: object }[]);
  const valueAt = (end: string): object => {
    const found = operations.find(({ path }) => path.endsWith(end));
    if (found === undefined) throw new Error(`${RECEIVER} has no patch of ${end}`);
    return found.value;
  };
  const routes = [valueAt('/config/route/routes/0'), ...config.route.routes];
  const receivers = [...config.receivers, valueAt('/config/receivers/-')];
  return { ...config, route: { ...config.route, routes }, receivers };
}
