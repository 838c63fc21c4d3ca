import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readThresholds } from './thresholds.js';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}

function rules(): readonly Rule[] {
  const file = join(import.meta.dirname, '../k8s/components/monitoring/prometheus-rule.yaml');
  const groups: readonly { rules: readonly Rule[] }[] = parse(readFileSync(file, 'utf8')).spec.groups;
  return groups.flatMap((group) => group.rules);
}

/** The numbers that a pattern finds in the expressions of the rules. */
function figures(metric: string, pattern: RegExp): number[] {
  const found = rules()
    .filter(({ expr, record }) => expr.includes(metric) || record?.includes(metric))
    .flatMap(({ expr }) => [...expr.matchAll(pattern)].map(([, figure]) => Number(figure)));
  expect(found.length).toBeGreaterThan(3);
  return [...new Set(found)];
}

describe('the gates are the objectives of the alerts', () => {
  const thresholds = readThresholds();

  it('errors', () => {
    expect(figures('cv_failures_per_requests', / > [\d.]+ \* ([\d.]+)/g)).toEqual([thresholds.error_rate]);
  });

  it('latency: the share that may be slow, and what is slow', () => {
    expect(figures('cv_slow_per_predictions', / > [\d.]+ \* ([\d.]+)/g)).toEqual([0.05]);
    expect(figures('cv_slow', /le="([\d.]+)"/g)).toEqual([thresholds.latency_p95_ms / 1000]);
  });
});
