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

/** What is lost, of how many, and how. */
export function losses(counts: Counts): string {
  const { '200': _, ...refused } = counts.answered;
  const kinds = Object.entries({ ...refused, ...counts.failed }).map(([kind, count]) => `${kind}: ${count}`);
  const how = kinds.length === 0 ? '' : ` (${kinds.join(', ')})`;
  return `${lost(counts)} of ${counts.sent} lost${how}`;
}

const POD = 'load';

/** Removes the pod, whatever it does. */
export async function removeLoad(namespace: string): Promise<void> {
  const where = `--namespace=${namespace}`;
  await kubectl(where, 'delete', 'pod', POD, '--ignore-not-found', '--grace-period=0', '--force');
}

/** Runs a script in a pod of the service's image beside it, which may reach the service and what is outside. */
export async function startBeside(
  namespace: string,
  name: string,
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const where = `--namespace=${namespace}`;
  await kubectl(where, 'delete', 'pod', name, '--ignore-not-found', '--grace-period=0', '--force');
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
      name,
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
          name,
          image,
          command: ['node', '--input-type=module', '--eval', script],
          env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  });
  await kubectl(where, 'wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
}

/**
 * A pod beside the service that posts images to it, so many a second, until it is stopped; to the service itself, or to a
 * gateway that knows it by a host name.
 */
export async function startLoad(
  namespace: string,
  rate: number,
  { target, host }: { target: string; host: string } = {
    target: 'http://cv-inference',
    host: 'cv-inference',
  },
): Promise<() => Promise<Counts>> {
  const where = `--namespace=${namespace}`;
  const script = await readFile(join(import.meta.dirname, 'client.mjs'), 'utf8');
  await startBeside(namespace, POD, script, { TARGET: target, HOST: host, RATE: String(rate) });
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
