import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Metrics as BridgeMetrics } from '../../../bridge/metrics.js';
import { DRIFT_IMAGES, DRIFT_PSI, queriesFor } from '../../../dashboard/sources/prometheus.js';
import {
  alerts,
  allExpressions,
  bridgeGroups,
  dashboardExpressions,
  driftDashboardExpressions,
  driftGroups,
  gitopsGroups,
  NAMESPACE,
  queryExpressions,
  ROOT,
  rules,
  substitute,
} from '../../../k8s/tests/support/expressions.js';
import {
  groupingLabels,
  type Matcher,
  type Selector,
  selectors,
  syntaxErrors,
} from '../../../k8s/tests/support/promql.js';
import { exposedCollector } from '../../spare-memory.js';
import { startApp } from '../support/app.js';

const RUNBOOKS = join(ROOT, 'docs/runbooks');
const RUNBOOK_URL = 'https://github.com/cv-inference/cv-inference/blob/main/docs/runbooks/';
/** What Prometheus adds to every series of a pod. */
const TARGET_LABELS = ['namespace', 'pod', 'job'];
/** Of bridge/metrics.ts; and of Argo CD 3.5.1 (controller/metrics/metrics.go) and Argo Rollouts 1.9.1 (controller/metrics/prommetrics.go). */
const OF_OTHERS: Readonly<Record<string, readonly string[]>> = {
  up: [],
  ALERTS: ['alertname', 'alertstate', 'severity', 'action', 'feature', 'model'],
  cv_bridge_decisions_total: ['outcome'],
  cv_bridge_github_calls_total: ['call', 'result'],
  argocd_app_info: ['name', 'project', 'dest_namespace', 'sync_status', 'health_status', 'operation'],
  rollout_info: ['name', 'strategy', 'traffic_router', 'phase'],
};
const OPERATORS: Readonly<Record<string, (value: string, wanted: string) => boolean>> = {
  '=': (value, wanted) => value === wanted,
  '!=': (value, wanted) => value !== wanted,
  '=~': (value, wanted) => new RegExp(`^(?:${wanted})$`).test(value),
  '!~': (value, wanted) => !new RegExp(`^(?:${wanted})$`).test(value),
};

interface Series {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
}

const placeholders = {
  namespace: NAMESPACE,
  rateInterval: '1m',
  range: '3h',
  args: new Proxy<Record<string, string>>({}, { get: () => '.*' }),
};
const driftRules = rules(driftGroups());
const bridgeAlerts = alerts(bridgeGroups());
const otherAlerts = alerts([...driftGroups(), ...bridgeGroups(), ...gitopsGroups()]);
const ofDrift = driftRules.map(({ record, alert, expr }) => ({
  where: record ?? `alert ${alert}`,
  text: expr,
}));
const ofOthers = [...bridgeAlerts, ...alerts(gitopsGroups())].map(({ alert, expr }) => ({
  where: `alert ${alert}`,
  text: expr,
}));
const ofDashboard = Object.entries(queriesFor([NAMESPACE])).map(([name, text]) => ({
  where: `dashboard/ ${name}`,
  text,
}));
const askedByMachines = [...allExpressions(), ...ofDrift, ...ofOthers, ...ofDashboard].map(
  ({ where, text }) => ({
    where,
    text: substitute(text, placeholders),
  }),
);
/** What runbooks have people ask. */
const lookedUp = readdirSync(RUNBOOKS).flatMap((file) =>
  [...readFileSync(join(RUNBOOKS, file), 'utf8').matchAll(/\bq "((?:[^"\\]|\\.)+)"/g)].map(
    ([, query = '']) => ({
      where: file,
      text: query.replaceAll('\\"', '"').replaceAll('$NS', NAMESPACE),
    }),
  ),
);
const expressions = [...askedByMachines, ...lookedUp];
const recorded = new Set([...rules(), ...driftRules].flatMap(({ record }) => record ?? []));
/** What recorded series of drift have beside the labels of a target. */
const DRIFT_LABELS = ['model', 'feature', 'label', 'above', 'le'];

/** What the service shows after its first prediction, and its first collection of garbage. */
async function scrape(): Promise<readonly Series[]> {
  const app = await startApp();
  const digit = readFileSync(join(ROOT, 'service/models/digits/golden/7-blocks.png'));
  await app.server.inject({ method: 'POST', url: '/predict', payload: digit });
  exposedCollector()();
  const { body } = await vi.waitUntil(async () => {
    const answer = await app.server.inject('/metrics');
    return answer.body.includes('nodejs_gc_duration_seconds_sum') && answer;
  });
  return seriesIn(body);
}

function seriesIn(text: string): Series[] {
  return [...text.matchAll(/^([a-z_][a-z0-9_]*)(?:\{(.*)\})? \S+$/gm)].map(
    ([, metric = '', labels = '']) => ({
      metric,
      labels: Object.fromEntries(
        [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
      ),
    }),
  );
}

function isMatched({ labels }: Series, { label, operator, value }: Matcher): boolean {
  if (TARGET_LABELS.includes(label)) return true;
  return label in labels && (OPERATORS[operator]?.(labels[label] ?? '', value) ?? false);
}

function isThere({ metric, matchers }: Selector, series: readonly Series[]): boolean {
  const labels = recorded.has(metric) ? DRIFT_LABELS : OF_OTHERS[metric];
  if (labels !== undefined) {
    return matchers.every(({ label }) => [...TARGET_LABELS, ...labels].includes(label));
  }
  return series.some(
    (candidate) => candidate.metric === metric && matchers.every((matcher) => isMatched(candidate, matcher)),
  );
}

describe('what rules, dashboards, analyses, autoscalers and runbooks ask', () => {
  it('is found', () => {
    expect(rules().length).toBeGreaterThan(30);
    expect(dashboardExpressions().length).toBeGreaterThan(25);
    expect(driftDashboardExpressions().length).toBeGreaterThan(10);
    expect(new Set(queryExpressions().map(({ where }) => where.split(' ')[0]))).toEqual(
      new Set(['AnalysisTemplate', 'ScaledObject']),
    );
    expect(lookedUp.length).toBeGreaterThan(20);
  });

  it('is PromQL', () => {
    expect(expressions.filter(({ text }) => syntaxErrors(text).length > 0)).toEqual([]);
    expect(expressions.filter(({ text }) => selectors(text).length === 0)).toEqual([]);
  });

  it('is in /metrics: each metric, with these labels and values', async () => {
    const series = await scrape();
    const missing = expressions.flatMap(({ where, text }) =>
      selectors(text)
        .filter((selector) => !isThere(selector, series))
        .map((selector) => ({ where, selector })),
    );
    expect(missing).toEqual([]);
  });

  it('is grouped by labels that are there', async () => {
    const known = new Set([
      ...TARGET_LABELS,
      ...Object.values(OF_OTHERS).flat(),
      ...(await scrape()).flatMap(({ labels }) => Object.keys(labels)),
    ]);
    const missing = expressions.flatMap(({ where, text }) => {
      const made = [...text.matchAll(/label_replace\(.*?, "(\w+)"/g)].map(([, label]) => label);
      return groupingLabels(text)
        .filter((label) => !known.has(label) && !made.includes(label))
        .map((label) => ({ where, label }));
    });
    expect(missing).toEqual([]);
  });
});

describe('what dashboard/ asks', () => {
  it.each(ofDashboard)('$where has the labels that are read of its answer', async ({ text }) => {
    const metric = selectors(text)[0]?.metric ?? '';
    const labels = await labelsOf(metric);
    expect(groupingLabels(text).filter((label) => !labels.has(label))).toEqual([]);
  });

  it('is drift where the alert on drift sees it', () => {
    const alert = alerts(driftGroups()).find((one) => one.alert === 'CvInferenceInputDrift');
    expect(alert?.expr).toContain(`cv:input_psi:1h{namespace="${NAMESPACE}"} > ${DRIFT_PSI}\n`);
    expect(alert?.expr).toContain(`cv:window_images:1h >= ${DRIFT_IMAGES}\n`);
  });
});

/** Of a recorded series, of one of the bridge, or of one of the service. */
async function labelsOf(metric: string): Promise<ReadonlySet<string>> {
  const rule = driftRules.find(({ record }) => record === metric);
  if (rule !== undefined) return new Set([...groupingLabels(rule.expr), ...Object.keys(rule.labels ?? {})]);
  const ofBridge = await new BridgeMetrics(() => []).registry.metrics();
  const series = [...seriesIn(ofBridge), ...(await scrape())].filter((one) => one.metric === metric);
  return new Set(['namespace', ...series.flatMap(({ labels }) => Object.keys(labels))]);
}

describe('one environment never speaks of another', () => {
  it('in rules: their first selector names it, and no `or` widens them', () => {
    const own: Matcher = { label: 'namespace', operator: '=', value: NAMESPACE };
    for (const { expr } of [...rules(), ...driftRules, ...bridgeAlerts]) {
      expect(selectors(expr)[0]?.matchers[0], expr).toEqual(own);
      expect(expr).not.toMatch(/\bor\b/);
    }
  });

  it('in analyses and autoscalers: every selector names it', () => {
    for (const { text } of queryExpressions()) {
      const named = selectors(substitute(text, placeholders)).map(({ matchers }) =>
        matchers.some(({ label, operator }) => label === 'namespace' && operator === '='),
      );
      expect(named, text).not.toContain(false);
    }
  });

  it('in the dashboards: their first selector takes the one that was chosen', () => {
    for (const { text } of [...dashboardExpressions(), ...driftDashboardExpressions()]) {
      const chosen: Matcher = { label: 'namespace', operator: '=', value: '$namespace' };
      expect(selectors(text.replaceAll('$__', ''))[0]?.matchers[0], text).toEqual(chosen);
    }
  });
});

describe('alerts', () => {
  it('say how bad it is, what it is and where to read on', () => {
    for (const { alert, labels, annotations } of [...alerts(), ...otherAlerts]) {
      expect(alert).toMatch(/^(CvInference|GitOps)[A-Z][A-Za-z]+$/);
      expect(['critical', 'warning', 'info']).toContain(labels?.['severity']);
      expect(annotations?.['summary']).toMatch(/^[A-Z].{10,70}$/);
      expect(annotations?.['description']).toMatch(/\{\{ \$labels\.(namespace|job) \}\}/);
      expect(annotations?.['runbook_url']).toBe(`${RUNBOOK_URL}${alert}.md`);
    }
  });

  it('have a runbook each, of at most 35 lines and in the index, and no runbook is left over', () => {
    const files = readdirSync(RUNBOOKS).filter((file) => file !== 'README.md');
    expect(new Set(files)).toEqual(new Set([...alerts(), ...otherAlerts].map(({ alert }) => `${alert}.md`)));
    const index = readFileSync(join(RUNBOOKS, 'README.md'), 'utf8');
    expect(files.filter((file) => !index.includes(`(${file})`))).toEqual([]);
    const lines = (file: string): number =>
      readFileSync(join(RUNBOOKS, file), 'utf8').trimEnd().split('\n').length;
    expect(files.filter((file) => lines(file) > 35)).toEqual([]);
  });
});

it('the rules of the objectives are those that npm run rules writes', () => {
  const folder = join(ROOT, 'k8s/components/monitoring');
  const written = execFileSync(process.execPath, [join(folder, 'objectives.mjs')], { encoding: 'utf8' });
  expect(readFileSync(join(folder, 'prometheus-rule.yaml'), 'utf8')).toBe(written);
});

it('recorded series are named level:metric:operation, and another rule reads each', () => {
  const read = new Set(
    [...alerts(), ...driftRules].flatMap(({ expr }) => selectors(expr).map(({ metric }) => metric)),
  );
  for (const name of recorded)
    expect(name).toMatch(/^(namespace:cv_[a-z_]+:(ratio_rate|increase)\d+[mhd]|cv:[a-z_]+(:1h)?)$/);
  expect([...recorded].filter((name) => !read.has(name))).toEqual([]);
});
