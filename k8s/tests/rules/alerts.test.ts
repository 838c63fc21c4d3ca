import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { alertId, alerts, type RuleGroup, ruleGroups } from '../support/expressions.js';
import { renderKustomization } from '../support/render.js';
import { absent, requiredTool } from '../support/tools.js';

const CASES = join(import.meta.dirname, 'alerts.yaml');
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

describe.skipIf(absent(PROMTOOL))('the rules', () => {
  it('are rules, annotations and their templates included', () => {
    write(ruleGroups());
    expect(promtool('check', 'rules', 'rules.yaml')).toContain('SUCCESS');
  });

  it('fire and keep silent as the cases in alerts.yaml say', () => {
    write(withoutAnnotations(ruleGroups()));
    copyFileSync(CASES, join(folder, 'alerts.yaml'));
    expect(promtool('test', 'rules', 'alerts.yaml')).toContain('SUCCESS');
  });
});

describe.skipIf(absent('kustomize'))('the rules of an overlay', () => {
  it('are those of the component, for the namespace that the overlay creates', () => {
    const namespace = 'somewhere-else';
    const { objects } = renderKustomization({
      namespace,
      resources: [],
      components: ['components/monitoring'],
    });
    const groups = objects
      .filter(({ kind }) => kind === 'PrometheusRule')
      .flatMap(({ spec }) => (spec as { groups: RuleGroup[] }).groups);
    const byName = (a: RuleGroup, b: RuleGroup): number => a.name.localeCompare(b.name);
    expect(groups.sort(byName)).toEqual(ruleGroups(namespace).sort(byName));
    expect(JSON.stringify(groups)).toContain(`namespace=\\"${namespace}\\"`);
  });
});

describe('the cases', () => {
  const { tests } = parse(readFileSync(CASES, 'utf8')) as { tests: readonly Case[] };
  const expectations = tests.flatMap((test) => test.alert_rule_test);

  it('have one that fires for every rule', () => {
    const fired = expectations.flatMap(({ alertname, exp_alerts }) =>
      exp_alerts.map(({ exp_labels }) => alertId({ alert: alertname, expr: '', labels: exp_labels })),
    );
    expect(new Set(fired)).toEqual(new Set(alerts().map(alertId)));
  });

  it('have one for every alert in which nothing fires from its beginning to its end', () => {
    const silent = tests.flatMap(({ alert_rule_test }) => {
      const names = new Set(alert_rule_test.map(({ alertname }) => alertname));
      return [...names].filter((name) =>
        alert_rule_test.every(({ alertname, exp_alerts }) => alertname !== name || exp_alerts.length === 0),
      );
    });
    expect(new Set(silent)).toEqual(new Set(alerts().map(({ alert }) => alert)));
  });
});
