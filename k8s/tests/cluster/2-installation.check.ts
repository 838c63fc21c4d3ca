import { describe, it } from 'vitest';
import { clusterAbsent } from './support/kubectl.js';
import {
  installArgoCd,
  installFromPlatform,
  installGateway,
  installGitServer,
  installPrometheus,
} from './support/platform.js';

const absent = clusterAbsent();
if (absent) process.stderr.write(`skipped: ${absent}\n`);

describe.skipIf(absent)('what the environments need', () => {
  it('is installed: metrics-server', async () => {
    await installFromPlatform('metrics-server');
  });
  it('is installed: Prometheus and Alertmanager, by their operator', installPrometheus);
  it('is installed: the Gateway API and NGINX Gateway Fabric', installGateway);
  it('is installed: Argo Rollouts', async () => {
    await installFromPlatform('argo-rollouts');
  });
  it('is installed: Argo CD by argocd/install', async ({ annotate }) => {
    await annotate(await installArgoCd());
  });
  it('is installed: a Git server', installGitServer);
});
