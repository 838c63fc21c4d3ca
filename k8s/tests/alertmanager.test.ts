import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Notified, startAlertmanager } from './support/alertmanager.js';
import { type Application, isApplication, renderEverything, renderRoot } from './support/argocd.js';
import { type KubernetesObject, render } from './support/render.js';
import { absent, requiredTool } from './support/tools.js';

interface Alertmanager {
  readonly alertmanagerSpec: { readonly secrets: readonly string[] };
  readonly config: {
    readonly receivers: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[];
  };
}

const CRITICAL = { severity: 'critical', namespace: 'cv-inference' };
const STAGING = { severity: 'critical', namespace: 'cv-inference-staging' };

function alertmanagerOf(manifests: readonly KubernetesObject[]): Alertmanager {
  const stack = manifests
    .filter(isApplication)
    .find(({ metadata }) => metadata.name === 'kube-prometheus-stack') as Application;
  return stack.spec.source.helm?.valuesObject['alertmanager'] as Alertmanager;
}

/** Whom an alert reaches, by the kinds of receiver. */
function reached({ config }: Alertmanager, receivers: string): string[] {
  const found = config.receivers.filter(({ name }) => receivers.split(',').includes(name));
  return found.flatMap((receiver) => Object.keys(receiver).filter((key) => key !== 'name'));
}

describe.skipIf(absent('kustomize', 'amtool', 'alertmanager'))('Alertmanager', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cv-alertmanager-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let off: Alertmanager;
  let on: Alertmanager;

  const amtool = (...args: string[]): string =>
    execFileSync(requiredTool('amtool'), args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' });
  const write = ({ config }: Alertmanager): void =>
    writeFileSync(join(folder, 'alertmanager.yaml'), stringify(config));
  const routed = (labels: Readonly<Record<string, string>>): string => {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    return amtool('config', 'routes', 'test', '--config.file=alertmanager.yaml', ...pairs).trim();
  };

  beforeAll(async () => {
    off = alertmanagerOf(await renderRoot());
    on = alertmanagerOf(await renderEverything());
  });

  it('takes the configuration, with every receiver and with none', () => {
    for (const state of [on, off]) {
      write(state);
      expect(amtool('check-config', 'alertmanager.yaml')).toContain('SUCCESS');
    }
  });

  it('tells nobody and needs no Secret until a receiver is turned on', () => {
    expect(off.alertmanagerSpec.secrets).toEqual([]);
    expect(off.config.receivers.map(({ name }) => reached(off, name))).toEqual([[], [], []]);
  });

  it('has what its receivers read: a Secret of each, where the operator mounts it', () => {
    const files = [
      ...JSON.stringify(on.config).matchAll(/"\/etc\/alertmanager\/secrets\/([\w-]+)\/[\w-]+"/g),
    ];
    expect(new Set(files.map(([, secret]) => secret))).toEqual(new Set(on.alertmanagerSpec.secrets));
    expect(on.alertmanagerSpec.secrets).toHaveLength(4);
  });

  it('knows staging by the namespace that its overlay creates', () => {
    const [namespace] = render('overlays/staging').objects.filter(({ kind }) => kind === 'Namespace');
    expect(STAGING.namespace).toBe(namespace?.metadata.name);
  });

  it.each([
    ['a critical alert', CRITICAL, ['pagerduty_configs', 'slack_configs', 'webhook_configs']],
    [
      'a critical alert of the platform',
      { severity: 'critical' },
      ['pagerduty_configs', 'slack_configs', 'webhook_configs'],
    ],
    ['a warning', { ...CRITICAL, severity: 'warning' }, ['slack_configs', 'webhook_configs']],
    ['a critical alert of staging', STAGING, ['slack_configs', 'webhook_configs']],
    ['what explains another', { ...CRITICAL, severity: 'info' }, []],
    ['the watchdog', { alertname: 'Watchdog', severity: 'none' }, []],
  ])('routes %s', (_, labels, kinds) => {
    write(on);
    expect(reached(on, routed(labels)).sort()).toEqual(kinds);
  });

  it.each([
    ['a warning', {}, ['retrain', 'warning']],
    ['what is critical', { severity: 'critical' }, ['retrain', 'critical']],
    ['information', { severity: 'info' }, ['retrain']],
    ['staging', { namespace: STAGING.namespace }, ['warning']],
    ['another action', { action: 'page' }, ['warning']],
  ])('routes what asks for a training to the bridge first, then to people: %s', (_, labels, receivers) => {
    write(on);
    const asking = { ...CRITICAL, severity: 'warning', action: 'retrain', model: 'digits', ...labels };
    expect(routed(asking).split(',')).toEqual(receivers);
  });

  describe('with real receivers', () => {
    const alert = (alertname: string, severity: string, namespace = 'cv-inference') => ({
      labels: { alertname, severity, namespace },
      annotations: { summary: 'S', description: 'D', runbook_url: `https://runbooks/${alertname}` },
    });
    let notified: Notified;

    beforeAll(async () => {
      notified = await startAlertmanager(on.config, {
        'alertmanager-slack/url': '/slack',
        'alertmanager-webhook/url': '/webhook',
        'alertmanager-pagerduty/routing-key': 'a-key',
      });
    });
    afterAll(() => notified?.close());

    it('pages for what is critical, tells of a warning, and keeps silent about what follows from another', async () => {
      await notified.send([
        alert('CvInferenceNoReadyPod', 'critical'),
        alert('CvInferenceModelLoadFailing', 'warning'),
        alert('CvInferenceCpuThrottled', 'info'),
        alert('GitOpsRolledBack', 'warning'),
        alert('GitOpsDegraded', 'warning'),
        alert('CvInferenceNoReadyPod', 'critical', STAGING.namespace),
        alert('CvInferenceQueueFilling', 'warning', 'cv-inference-gpu'),
      ]);
      const told = [
        'CvInferenceNoReadyPod',
        'CvInferenceNoReadyPod',
        'CvInferenceQueueFilling',
        'GitOpsRolledBack',
      ];
      await notified.untilReceived(9);
      expect(notified.alertsAt('/webhook').sort()).toEqual(told);
      expect(notified.bodiesAt('/slack')).toHaveLength(4);
      const [page, ...others] = notified.bodiesAt('/v2/enqueue');
      expect(others).toEqual([]);
      expect(page).toMatchObject({
        routing_key: 'a-key',
        event_action: 'trigger',
        payload: { severity: 'critical', summary: 'CvInferenceNoReadyPod cv-inference: S' },
        links: [{ href: 'https://runbooks/CvInferenceNoReadyPod', text: 'Runbook' }],
      });
      expect(
        notified
          .bodiesAt('/slack')
          .map((body) => JSON.stringify(body))
          .join(),
      ).toContain('FIRING warning: CvInferenceQueueFilling cv-inference-gpu');
    });
  });
});
