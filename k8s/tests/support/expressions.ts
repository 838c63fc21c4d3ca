import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const ROOT = join(import.meta.dirname, '../../..');
const COMPONENTS = join(ROOT, 'k8s/components');

/** A PromQL expression of the manifests, and who asks it. */
export interface Expression {
  readonly where: string;
  readonly text: string;
}

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface AlertRule extends Rule {
  readonly alert: string;
}

export interface RuleGroup {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** The part of a manifest that is looked at here. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly groups?: readonly RuleGroup[];
    readonly triggers?: readonly { readonly metadata: Readonly<Record<string, string>> }[];
    readonly metrics?: readonly {
      readonly name: string;
      readonly provider?: { readonly prometheus?: { readonly query: string } };
    }[];
  };
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly {
      readonly type: string;
      readonly name: string;
      readonly current?: { readonly value: string };
    }[];
  };
}

/** The namespace that the rules name where no overlay has written another. */
export const NAMESPACE = 'cv-inference';

export function ruleGroups(namespace = NAMESPACE): RuleGroup[] {
  return groupsOf('monitoring', namespace);
}

/** On what production sees, against what the model was trained on. */
export function driftGroups(namespace = NAMESPACE): RuleGroup[] {
  return groupsOf('drift', namespace);
}

function groupsOf(component: string, namespace: string): RuleGroup[] {
  const groups = manifests(component, 'PrometheusRule').flatMap(({ spec }) => spec.groups ?? []);
  return groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => ({ ...rule, expr: inNamespace(rule.expr, namespace) })),
  }));
}

/** On Argo CD and Argo Rollouts: once in a cluster, not once for each environment. */
export function gitopsGroups(): RuleGroup[] {
  return manifestsIn(join(ROOT, 'argocd/monitoring'), 'PrometheusRule').flatMap(
    ({ spec }) => spec.groups ?? [],
  );
}

/** On the bridge, of component retraining. */
export function bridgeGroups(): RuleGroup[] {
  return manifests('retraining', 'PrometheusRule').flatMap(({ spec }) => spec.groups ?? []);
}

/** As the replacement in k8s/components/monitoring/kustomization.yaml: what stands between the first two quotation marks. */
function inNamespace(expression: string, namespace: string): string {
  return expression.replace(/"[^"]*"/, `"${namespace}"`);
}

export function rules(groups = ruleGroups()): Rule[] {
  return groups.flatMap((group) => group.rules);
}

export function alerts(groups = ruleGroups()): AlertRule[] {
  return groups.flatMap(({ rules }) => rules).filter((rule): rule is AlertRule => rule.alert !== undefined);
}

/** One of several rules of an alert, by the labels that tell them apart. */
export function alertId({ alert, labels = {} }: AlertRule): string {
  return [alert, labels['severity'], labels['long']].filter((part) => part !== undefined).join(' ');
}

export function dashboardExpressions(): Expression[] {
  return expressionsOfDashboards('dashboard');
}

/** Of the dashboard that shows what the rules of drift have recorded. */
export function driftDashboardExpressions(): Expression[] {
  return expressionsOfDashboards('drift');
}

function expressionsOfDashboards(component: string): Expression[] {
  const folder = join(COMPONENTS, component, 'dashboards');
  return readdirSync(folder).flatMap((file) => {
    const dashboard = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Dashboard;
    return dashboard.panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ where: `${file}, ${title}`, text: withChoices(expr, dashboard) })),
    );
  });
}

/** Variables that a person chooses, as they are at first. */
function withChoices(expression: string, { templating }: Dashboard): string {
  return templating.list
    .filter(({ type }) => type === 'custom')
    .reduce((text, { name, current }) => text.replaceAll(`$${name}`, current?.value ?? ''), expression);
}

/** What canary analyses and autoscalers ask. */
export function queryExpressions(): Expression[] {
  const analyses = manifests('canary', 'AnalysisTemplate').flatMap(({ metadata, spec }) =>
    (spec.metrics ?? []).flatMap(({ name, provider }) =>
      provider?.prometheus === undefined
        ? []
        : [{ where: `AnalysisTemplate ${metadata.name}, ${name}`, text: provider.prometheus.query }],
    ),
  );
  const scalers = manifests('autoscaling-queue', 'ScaledObject').flatMap(({ metadata, spec }) =>
    (spec.triggers ?? []).flatMap((trigger) =>
      trigger.metadata['query'] === undefined
        ? []
        : [{ where: `ScaledObject ${metadata.name}`, text: trigger.metadata['query'] }],
    ),
  );
  return [...analyses, ...scalers];
}

/** Everything that is asked of the metrics, variables still in it. */
export function allExpressions(): Expression[] {
  const ruleExpressions = rules().map((rule) => ({
    where: rule.record ?? `alert ${rule.alert}`,
    text: rule.expr,
  }));
  return [
    ...ruleExpressions,
    ...dashboardExpressions(),
    ...driftDashboardExpressions(),
    ...queryExpressions(),
  ];
}

export interface Variables {
  readonly namespace: string;
  /** Of Grafana: the shortest range that holds enough scrapes, and the range that is shown. */
  readonly rateInterval: string;
  readonly range: string;
  /** Arguments of canary analyses. */
  readonly args: Readonly<Record<string, string>>;
}

/** Fills in what Grafana and Argo Rollouts fill in. Throws on an argument that it does not know. */
export function substitute(expression: string, variables: Variables): string {
  return expression
    .replaceAll('$namespace', variables.namespace)
    .replaceAll('$__rate_interval', variables.rateInterval)
    .replaceAll('$__range', variables.range)
    .replace(/\{\{\s*args\.([\w-]+)\s*\}\}/g, (_, name: string) => {
      const value = variables.args[name];
      if (value === undefined) throw new Error(`no value for the argument ${name}`);
      return value;
    });
}

function manifests(component: string, kind: string): Manifest[] {
  return manifestsIn(join(COMPONENTS, component), kind);
}

function manifestsIn(folder: string, kind: string): Manifest[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
    .map((document) => document.toJS() as Manifest)
    .filter((manifest) => manifest?.kind === kind);
}
