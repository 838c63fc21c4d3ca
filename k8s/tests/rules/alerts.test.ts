import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  alertId,
  alerts,
  bridgeGroups,
  driftGroups,
  gitopsGroups,
  ROOT,
  type RuleGroup,
  ruleGroups,
} from '../support/expressions.js';
import { renderKustomization } from '../support/render.js';
import { absent, requiredTool } from '../support/tools.js';

const PROMTOOL = 'promtool';

interface Case {
  readonly alert_rule_test: readonly {
    readonly alertname: string;
    readonly exp_alerts: readonly { readonly exp_labels: Readonly<Record<string, string>> }[];
  }[];
}

const folder = mkdtempSync(join(tmpdir(), 'cv-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

function promtool(...args: string[]): string {
  return execFileSync(requiredTool(PROMTOOL), args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
}

function write(groups: readonly RuleGroup[]): void {
  writeFileSync(join(folder, 'rules.yaml'), stringify({ groups }));
}

/** promtool compares annotations word for word; what they say is checked with the service's documents. */
function withoutAnnotations(groups: readonly RuleGroup[]): RuleGroup[] {
  return groups.map((group) => ({
    ...group,
    rules: group.rules.map(({ annotations: _, ...rule }) => rule),
  }));
}

describe.skipIf(absent('kustomize'))('the rules of an overlay', () => {
  it.each([
    { component: 'monitoring', own: ruleGroups },
    { component: 'drift', own: driftGroups },
  ])(
    'are those of the component $component, for the namespace that the overlay creates',
    ({ component, own }) => {
      const namespace = 'somewhere-else';
      const { objects } = renderKustomization({
        namespace,
        resources: [],
        components: [`components/${component}`],
      });
      const groups = objects
        .filter(({ kind }) => kind === 'PrometheusRule')
        .flatMap(({ spec }) => (spec as { groups: RuleGroup[] }).groups);
      const byName = (a: RuleGroup, b: RuleGroup): number => a.name.localeCompare(b.name);
      expect(groups.sort(byName)).toEqual(own(namespace).sort(byName));
      expect(JSON.stringify(groups)).toContain(`namespace=\\"${namespace}\\"`);
    },
  );
});

it('the limit of accuracy is where the README of drift says', () => {
  const readme = readFileSync(join(ROOT, 'k8s/components/drift/README.md'), 'utf8');
  const [path = ''] = /\/spec\/groups\/\d+\/rules\/\d+\/expr/.exec(readme) ?? [];
  const [group, rule] = [...path.matchAll(/\d+/g)].map(Number);
  expect(driftGroups()[group ?? -1]?.rules[rule ?? -1]?.record).toBe('cv:accuracy_limit');
});

describe.each([
  { of: 'the service', groups: ruleGroups(), cases: 'alerts.yaml' },
  { of: 'the bridge', groups: bridgeGroups(), cases: 'bridge.yaml' },
  { of: 'drift', groups: driftGroups(), cases: 'drift.yaml' },
  { of: 'Argo CD and Argo Rollouts', groups: gitopsGroups(), cases: 'gitops.yaml' },
])('the rules of $of', ({ groups, cases }) => {
  const { tests } = parse(readFileSync(join(import.meta.dirname, cases), 'utf8')) as {
    tests: readonly Case[];
  };
  const expectations = tests.flatMap((test) => test.alert_rule_test);

  it.skipIf(absent(PROMTOOL))('are rules, annotations and their templates included', () => {
    write(groups);
    expect(promtool('check', 'rules', 'rules.yaml')).toContain('SUCCESS');
  });

  it.skipIf(absent(PROMTOOL))(`fire and keep silent as the cases in ${cases} say`, () => {
    write(withoutAnnotations(groups));
    copyFileSync(join(import.meta.dirname, cases), join(folder, cases));
    expect(promtool('test', 'rules', cases)).toContain('SUCCESS');
  });

  it('have a case each that fires', () => {
    const fired = expectations.flatMap(({ alertname, exp_alerts }) =>
      exp_alerts.map(({ exp_labels }) => alertId({ alert: alertname, expr: '', labels: exp_labels })),
    );
    expect(new Set(fired)).toEqual(new Set(alerts(groups).map(alertId)));
  });

  it('have a case for every alert in which nothing fires from its beginning to its end', () => {
    const silent = tests.flatMap(({ alert_rule_test }) => {
      const names = new Set(alert_rule_test.map(({ alertname }) => alertname));
      return [...names].filter((name) =>
        alert_rule_test.every(({ alertname, exp_alerts }) => alertname !== name || exp_alerts.length === 0),
      );
    });
    expect(new Set(silent)).toEqual(new Set(alerts(groups).map(({ alert }) => alert)));
  });
});
