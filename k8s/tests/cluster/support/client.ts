import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apply, ask, field, kubectl, until } from './kubectl.js';

/** What a client has seen that asks once and never again. */
export interface Counts {
  readonly sent: number;
  /** By status. */
  readonly answered: Readonly<Record<string, number>>;
  /** By error code: no answer. */
  readonly failed: Readonly<Record<string, number>>;
}

/** All that is not a 200. */
export const lost = ({ sent, answered }: Counts): number => sent - (answered['200'] ?? 0);

const POD = 'load';

/** A pod beside the service that posts images to it, so many a second, until it is stopped. */
export async function startLoad(namespace: string, rate: number): Promise<() => Promise<Counts>> {
  const where = `--namespace=${namespace}`;
  await kubectl(where, 'delete', 'pod', POD, '--ignore-not-found', '--grace-period=0', '--force');
  const image = await field(
    '{.items[0].spec.containers[0].image}',
    where,
    'pods',
    '--selector=app.kubernetes.io/component=service',
  );
  await apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: POD,
      namespace,
      // The network policy lets the gateway pass.
      labels: { 'app.kubernetes.io/component': 'gateway', 'app.kubernetes.io/part-of': 'cv-inference' },
    },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: POD,
          image,
          command: [
            'node',
            '--input-type=module',
            '--eval',
            await readFile(join(import.meta.dirname, 'client.mjs'), 'utf8'),
          ],
          env: [
            { name: 'TARGET', value: 'http://cv-inference' },
            { name: 'RATE', value: String(rate) },
          ],
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  });
  await kubectl(where, 'wait', '--for=condition=Ready', `pod/${POD}`, '--timeout=60s');
  return async () => {
    await kubectl(where, 'exec', POD, '--', 'touch', '/tmp/stop');
    await until(
      { withinS: 60, what: 'the last answers' },
      async () => (await field('{.status.phase}', where, 'pod', POD)) === 'Succeeded',
    );
    const log = (await ask(where, 'logs', POD)) ?? '';
    return JSON.parse(log.split('\n').at(-1) ?? '') as Counts;
  };
}
