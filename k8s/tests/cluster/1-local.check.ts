import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, clusterAbsent, field, kubectl, rounded, until } from './support/kubectl.js';
import { untilRolledOut } from './support/rollouts.js';

const OVERLAY = join(import.meta.dirname, '../../overlays/local');
const NAMESPACE = 'cv-inference';
const WHERE = `--namespace=${NAMESPACE}`;
const GOLDEN = 'service/models/digits/golden/7-blocks.png';

/** What a pod of the service is answered at an address. */
function predictAt(address: string): Promise<string | undefined> {
  const script = `
    const body = require('fs').readFileSync('${GOLDEN}');
    fetch('http://${address}/predict', { method: 'POST', headers: { 'content-type': 'image/png' }, body })
      .then(async (answer) => process.stdout.write(answer.status + ' ' + (await answer.text())));`;
  return ask(WHERE, 'exec', 'deployment/cv-inference', '--', 'node', '--eval', script);
}

describe.skipIf(clusterAbsent())('the overlay local, on a cluster with nothing else', () => {
  it('comes up by kubectl apply alone, with the model from its S3 server', async ({ annotate }) => {
    await kubectl('apply', '--kustomize', OVERLAY);
    const startedAt = performance.now();
    await untilRolledOut(NAMESPACE, 'statefulset/s3-local', 120);
    await kubectl(WHERE, 'wait', '--for=condition=Complete', 'job/s3-local-upload', '--timeout=120s');
    await untilRolledOut(NAMESPACE, 'deployment/cv-inference', 180);
    await annotate(rounded((performance.now() - startedAt) / 1000));
    const model = await ask(
      WHERE,
      'exec',
      'deployment/cv-inference',
      '--',
      'node',
      '--print',
      'process.env.MODEL_URI',
    );
    expect(model).toBe('s3://models/digits');
  });

  it('answers at its Service and at port 30080 of a node', async () => {
    const node = await field('{.items[0].status.addresses[?(@.type=="InternalIP")].address}', 'nodes');
    for (const address of ['cv-inference', `${node}:30080`]) {
      expect(await predictAt(address), address).toMatch(/^200 .*"label":"7"/);
    }
  });

  it('is scraped by its own database', async ({ annotate }) => {
    const proxy = '/api/v1/namespaces/cv-inference/services/victoria-metrics:8428/proxy';
    const seconds = await until({ withinS: 90, what: 'VictoriaMetrics knows a ready pod' }, async () =>
      /"value":\[\d+(?:\.\d+)?,"1"\]/.test(
        (await ask('get', '--raw', `${proxy}/api/v1/query?query=cv_ready`)) ?? '',
      ),
    );
    await annotate(rounded(seconds));
  });
});
