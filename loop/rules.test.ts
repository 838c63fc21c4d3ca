import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PACKAGE_ROOT } from './package-root.js';
import { alertmanagerConfig, driftRules } from './rules.js';

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly expr: string; readonly for?: string; readonly alert?: string }[];
  }[];
}

const rulesIn = ({ groups }: Rules) => groups.flatMap(({ rules }) => rules);
const component = parse(readFileSync(join(PACKAGE_ROOT, 'k8s/components/drift/drift.yaml'), 'utf8')) as {
  spec: Rules;
};

describe('the rules of the loop', () => {
  const rules = rulesIn(parse(driftRules(0.5)) as Rules);

  it('are those of k8s/components/drift but for durations', () => {
    const withoutDurations = (text: string): string => text.replaceAll(/\[\w+\]/g, '[]');
    const shipped = rulesIn(component.spec);
    expect(rules.map(({ expr }) => withoutDurations(expr))).toEqual(
      shipped.map(({ expr }) => withoutDurations(expr)),
    );
    expect(rules.map(({ alert }) => alert)).toEqual(shipped.map(({ alert }) => alert));
  });

  it('have each window and each wait so much shorter', () => {
    const windows = new Set(rules.flatMap(({ expr }) => expr.match(/\[\w+\]/g) ?? []));
    expect([...windows]).toEqual(['[30s]', '[3s]']);
    expect(rules.filter(({ alert }) => alert !== undefined).map((rule) => rule.for)).toEqual([
      '15s',
      '5s',
      '15s',
      '15s',
      '15s',
    ]);
  });
});

describe("Alertmanager's configuration of the loop", () => {
  const text = alertmanagerConfig('http://127.0.0.1:1', '/folder/secrets');
  const { route, receivers } = parse(text);

  it('has the route to the bridge before all others, and what hears of it besides', () => {
    expect(route.routes[0]).toMatchObject({
      matchers: ['action = retrain', 'namespace != cv-inference-staging'],
      receiver: 'retrain',
      continue: true,
    });
    expect(route.routes.length).toBeGreaterThan(1);
  });

  it('sends to the bridge of the loop, with the token of the loop', () => {
    const receiver = receivers.find(({ name }: { name: string }) => name === 'retrain');
    expect(receiver.webhook_configs[0]).toMatchObject({
      url: 'http://127.0.0.1:1/alerts',
      http_config: {
        authorization: { credentials_file: '/folder/secrets/alertmanager-retrain/token' },
      },
    });
  });

  it('waits for seconds, not for hours', () => {
    expect([...text.matchAll(/_(?:wait|interval): (\S+)/g)].map(([, wait]) => wait).sort()).toEqual([
      '1s',
      '2s',
      '5s',
      '5s',
    ]);
  });
});
