import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readSettings } from '../../../bridge/settings.js';
import { isAllowed, type NetworkPolicy, type Peer } from '../support/network-policy.js';
import { containersOf, environmentOf, podsOf, valuesAt } from '../support/pods.js';
import { K8S, type KubernetesObject, type Kustomization, renderKustomization } from '../support/render.js';
import { absent } from '../support/tools.js';

const NAMESPACE = 'cv-inference';
const NAME = 'cv-inference-bridge';

/** What the component's README says to write into an overlay. */
function exampleOf(text: string): Pick<Kustomization, 'patches'> {
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(text) ?? [];
  return parse(example);
}

describe.skipIf(absent('kustomize'))('retraining', () => {
  const README = readFileSync(join(K8S, 'components/retraining/README.md'), 'utf8');
  const rendered = (changes: Pick<Kustomization, 'patches'> = {}): readonly KubernetesObject[] =>
    absent('kustomize')
      ? []
      : renderKustomization({
          namespace: NAMESPACE,
          resources: ['base'],
          components: ['components/network-policy', 'components/retraining', 'release'],
          ...changes,
        }).objects;
  const objects = rendered();
  const pod = podsOf(objects).find(({ labels }) => labels['app.kubernetes.io/name'] === NAME);
  const [container] = pod === undefined ? [] : containersOf(pod);
  const mounted = (name: string): string | undefined =>
    container?.volumeMounts?.find((mount) => mount.name === name)?.mountPath;

  it('runs the bridge of the image that the service has, with settings that it takes', () => {
    const service = podsOf(objects).find(({ labels }) => labels['app.kubernetes.io/name'] === 'cv-inference');
    expect(container?.image).toBe(service && containersOf(service)[0]?.image);
    expect(container?.command?.at(-1)).toBe('dist/bridge/main.js');
    if (container === undefined) throw new Error('no bridge');
    const settings = readSettings(environmentOf(objects, container));
    expect(settings.PORT).toBe(container.ports?.[0]?.containerPort);
    expect(dirname(settings.STATE_FILE)).toBe(mounted('state'));
    expect(dirname(settings.ALERTS_TOKEN_FILE)).toBe(mounted('tokens'));
    expect(dirname(settings.GITHUB_TOKEN_FILE)).toBe(mounted('tokens'));
  });

  it('takes the settings that its README changes', () => {
    const changed = rendered(exampleOf(README));
    const bridge = podsOf(changed).find(({ labels }) => labels['app.kubernetes.io/name'] === NAME);
    const [own] = bridge === undefined ? [] : containersOf(bridge);
    if (own === undefined) throw new Error('no bridge');
    expect(readSettings(environmentOf(changed, own))).toMatchObject({
      GITHUB_REPOSITORY: 'your/repository',
      DAILY_LIMIT: 2,
    });
  });

  it('has one pod, which ends before the next begins and finds its state again', () => {
    expect(valuesAt(pod?.owner, 'spec.replicas')).toEqual([1]);
    expect(valuesAt(pod?.owner, 'spec.strategy.type')).toEqual(['Recreate']);
    expect(pod?.spec.volumes?.find(({ name }) => name === 'state')?.persistentVolumeClaim).toEqual({
      claimName: NAME,
    });
  });

  it('is where its receiver sends alerts, with the token that its README makes', () => {
    const receiver = readFileSync(join(K8S, '../argocd/receivers/retrain/kustomization.yaml'), 'utf8');
    const [, host, path] = /url: http:\/\/([\w.-]+)(\/\w+)/.exec(receiver) ?? [];
    const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === NAME);
    expect([host, path]).toEqual([`${service?.metadata.name}.${service?.metadata.namespace}`, '/alerts']);
    expect(valuesAt(service, 'spec.ports[].port')).toEqual([80]);
    expect(README).toContain(`create secret generic ${NAME}`);
    const [, secret, key] = /secrets\/([\w-]+)\/([\w-]+)/.exec(receiver) ?? [];
    expect(README).toContain(`create secret generic ${secret} --from-literal=${key}=`);
  });

  it('is reached by Alertmanager and the scrape, reaches GitHub and DNS, and nobody else', () => {
    const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[];
    const bridge: Peer = { namespace: NAMESPACE, labels: pod?.labels ?? {}, ports: { http: 8080 } };
    const named = (name: string, namespace = NAMESPACE): Peer => ({
      namespace,
      labels: { 'app.kubernetes.io/name': name },
      ports: { http: 8080 },
    });
    const reaches = (from: Peer, to: Peer, port: number): boolean => isAllowed(policies, { from, to, port });
    const callers = [named('alertmanager', 'monitoring'), named('prometheus', 'monitoring')];
    expect(callers.map((from) => reaches(from, bridge, 8080))).toEqual([true, true]);
    const strangers = [named('grafana', 'monitoring'), named('alertmanager'), named('cv-inference')];
    const outside: Peer = { address: '140.82.121.6' };
    expect([...strangers, outside].map((from) => reaches(from, bridge, 8080))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    const dns: Peer = { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } };
    expect([reaches(bridge, outside, 443), reaches(bridge, dns, 53)]).toEqual([true, true]);
    const refused: readonly (readonly [Peer, number])[] = [
      [outside, 80],
      [{ address: '10.96.0.1' }, 443],
      [{ address: '169.254.169.254' }, 80],
      [named('cv-inference'), 8080],
    ];
    expect(refused.map(([to, port]) => reaches(bridge, to, port))).toEqual([false, false, false, false]);
  });
});
