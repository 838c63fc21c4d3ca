import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BridgeProcess, TOKEN } from '../../bridge/bridge-process.test-support.js';
import { GitHubServer } from '../../bridge/github-server.test-support.js';
import { type Notified, startAlertmanager } from './support/alertmanager.js';
import { isApplication, renderEverything } from './support/argocd.js';
import { absent } from './support/tools.js';

const URL_IN_THE_CLUSTER = 'http://cv-inference-bridge.cv-inference';

async function alertmanagerConfig(): Promise<object> {
  const stack = (await renderEverything())
    .filter(isApplication)
    .find(({ metadata }) => metadata.name === 'kube-prometheus-stack');
  if (stack === undefined) throw new Error('no application kube-prometheus-stack');
  const values = stack.spec.source.helm?.valuesObject ?? {};
  return (values['alertmanager'] as { readonly config: object }).config;
}

/** Hours become seconds. */
function hurry(yaml: string): string {
  return yaml
    .replace(/group_interval: .+/g, 'group_interval: 1s')
    .replace(/repeat_interval: .+/g, 'repeat_interval: 1s');
}

describe.skipIf(absent('kustomize', 'alertmanager'))('an alert that asks for a training', () => {
  let folder: string;
  let github: GitHubServer;
  let bridge: BridgeProcess;
  let alertmanager: Notified;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cv-retraining-'));
    writeFileSync(join(folder, 'alerts-token'), TOKEN);
    writeFileSync(join(folder, 'github-token'), 'a-token');
    github = await GitHubServer.start();
    bridge = await BridgeProcess.start({
      ALERTS_TOKEN_FILE: join(folder, 'alerts-token'),
      GITHUB_TOKEN_FILE: join(folder, 'github-token'),
      GITHUB_REPOSITORY: 'us/it',
      GITHUB_API_URL: github.url,
      STATE_FILE: join(folder, 'state.json'),
    });
    alertmanager = await startAlertmanager(
      await alertmanagerConfig(),
      {
        'alertmanager-slack/url': '/slack',
        'alertmanager-webhook/url': '/webhook',
        'alertmanager-pagerduty/routing-key': 'a-key',
        'alertmanager-retrain/token': `${TOKEN}\n`,
      },
      (yaml) => hurry(yaml).replaceAll(URL_IN_THE_CLUSTER, bridge.url),
    );
  });
  afterAll(async () => {
    await alertmanager?.close();
    await bridge?.stop('SIGKILL');
    await github?.close();
    rmSync(folder, { recursive: true });
  });

  const alert = (labels: Readonly<Record<string, string>>) => ({
    labels: {
      alertname: 'CvInferenceModelDrift',
      severity: 'warning',
      namespace: 'cv-inference',
      action: 'retrain',
      ...labels,
    },
    annotations: { summary: 'S', description: 'D', window_images: '5231' },
  });

  it('becomes one training, however often it is repeated and however many there are of it; people hear of it too', async () => {
    await alertmanager.send([
      alert({ model: 'digits', feature: 'brightness' }),
      alert({ model: 'digits', feature: 'sharpness' }),
      alert({ model: 'digits', namespace: 'cv-inference-staging' }),
    ]);
    const repetitions = () => bridge.metric('cv_bridge_decisions_total{outcome="duplicate"}');
    await vi.waitFor(async () => expect(await repetitions()).toBeGreaterThan(2), {
      timeout: 60_000,
      interval: 200,
    });
    expect(github.dispatches).toHaveLength(1);
    expect(github.dispatches[0]).toMatchObject({
      event_type: 'model-drift',
      client_payload: {
        model: 'digits',
        namespace: 'cv-inference',
        alerts: [
          { name: 'CvInferenceModelDrift', feature: 'brightness' },
          { name: 'CvInferenceModelDrift', feature: 'sharpness' },
        ],
        window_images: 5231,
      },
    });
    expect(await bridge.metric('cv_bridge_decisions_total{outcome="dispatched"}')).toBe(1);
    expect(alertmanager.alertsAt('/webhook')).toContain('CvInferenceModelDrift');
  });
});
