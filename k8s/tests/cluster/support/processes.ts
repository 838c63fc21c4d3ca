import { apply, field, kubectl } from './kubectl.js';

const NAMESPACE = 'kube-system';
const POD = 'signal';

/**
 * Sends a signal to every process of a pod's containers, from outside: of its own kin the first process of a container takes
 * none that it has not asked for.
 */
const SCRIPT = `
  const { readdirSync, readFileSync } = require('fs');
  const { UID, SIGNAL } = process.env;
  const read = (file) => { try { return readFileSync(file, 'utf8'); } catch { return ''; } };
  const isOfPod = (pid) => read('/proc/' + pid + '/cgroup').replaceAll('_', '-').includes(UID);
  const pids = readdirSync('/proc').filter((name) => /^\\d+$/.test(name) && isOfPod(name) && /node/.test(read('/proc/' + name + '/cmdline')));
  for (const pid of pids) try { process.kill(Number(pid), SIGNAL); } catch {}
  console.log(pids.length);`;

/** @returns how many processes took it */
export async function signalPod(namespace: string, name: string, signal: NodeJS.Signals): Promise<number> {
  const [node, uid, image] = (
    (await field(
      '{.spec.nodeName} {.metadata.uid} {.spec.containers[0].image}',
      `--namespace=${namespace}`,
      'pod',
      name,
    )) ?? ''
  ).split(' ');
  const where = `--namespace=${NAMESPACE}`;
  const pod = `${POD}-${Math.random().toString(36).slice(2, 8)}`;
  await apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod, namespace: NAMESPACE },
    spec: {
      nodeName: node,
      hostPID: true,
      restartPolicy: 'Never',
      containers: [
        {
          name: POD,
          image,
          command: ['node', '--eval', SCRIPT],
          env: [
            { name: 'UID', value: uid },
            { name: 'SIGNAL', value: signal },
          ],
          securityContext: { privileged: true, runAsUser: 0 },
        },
      ],
    },
  });
  await kubectl(where, 'wait', '--for=jsonpath={.status.phase}=Succeeded', `pod/${pod}`, '--timeout=180s');
  const count = await kubectl(where, 'logs', pod);
  await kubectl(where, 'delete', 'pod', pod, '--wait=false');
  return Number(count);
}
