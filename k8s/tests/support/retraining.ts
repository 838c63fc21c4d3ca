import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BridgeProcess, TOKEN } from '../../../bridge/bridge-process.test-support.js';
import { GitHubServer } from '../../../bridge/github-server.test-support.js';
import { type Notified, startAlertmanager } from './alertmanager.js';
import { isApplication, renderEverything } from './argocd.js';

const URL_IN_THE_CLUSTER = 'http://cv-inference-bridge.cv-inference';

/** An Alertmanager with every receiver on, the bridge, and a GitHub that notes what is dispatched. */
export interface Retraining {
  readonly github: GitHubServer;
  readonly bridge: BridgeProcess;
  readonly alertmanager: Notified;
  close(): Promise<void>;
}

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

export async function startRetraining(): Promise<Retraining> {
  const folder = mkdtempSync(join(tmpdir(), 'cv-retraining-'));
  writeFileSync(join(folder, 'alerts-token'), TOKEN);
  writeFileSync(join(folder, 'github-token'), 'a-token');
  const github = await GitHubServer.start();
  const bridge = await BridgeProcess.start({
    ALERTS_TOKEN_FILE: join(folder, 'alerts-token'),
    GITHUB_TOKEN_FILE: join(folder, 'github-token'),
    GITHUB_REPOSITORY: 'us/it',
    GITHUB_API_URL: github.url,
    STATE_FILE: join(folder, 'state.json'),
  });
  const alertmanager = await startAlertmanager(
    await alertmanagerConfig(),
    {
      'alertmanager-slack/url': '/slack',
      'alertmanager-webhook/url': '/webhook',
      'alertmanager-pagerduty/routing-key': 'a-key',
      'alertmanager-retrain/token': `${TOKEN}\n`,
    },
    (yaml) => hurry(yaml).replaceAll(URL_IN_THE_CLUSTER, bridge.url),
  );
  return {
    github,
    bridge,
    alertmanager,
    close: async () => {
      await alertmanager.close();
      await bridge.stop('SIGKILL');
      await github.close();
      rmSync(folder, { recursive: true });
    },
  };
}
