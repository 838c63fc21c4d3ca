import { describe, expect, it } from 'vitest';
import { listCombinations } from '../support/combinations.js';
import { containersOf, type Pod, podsOf, quantity, servicePods, valuesAt } from '../support/pods.js';
import type { KubernetesObject } from '../support/render.js';
import { absent } from '../support/tools.js';

/** NGINX for the gateway, with what a LimitRange gives it; pods that have an end, such as batch-predict's. */
const OTHER_PODS = 12;

const withLimits = listCombinations().filter(({ name }) => /limits|overlay production($|,)/.test(name));

function asked({ spec, labels, owner }: Pod, resource: string): number {
  const requests = containersOf({ spec, labels, owner }).map(
    ({ resources }) => resources?.requests?.[resource],
  );
  return requests.reduce((sum, text) => sum + quantity(text ?? '0'), 0);
}

describe.skipIf(absent('kustomize')).each(withLimits)('in $name', ({ render }) => {
  const objects = (): readonly KubernetesObject[] => render().objects;
  const quota = (): Record<string, string> =>
    Object.assign({}, ...objects().flatMap((object) => valuesAt(object, 'spec.hard')));
  const [pod] = absent('kustomize') ? [] : servicePods(objects());
  const scalers = (): unknown[] =>
    objects().flatMap((object) => [
      ...valuesAt(object, 'spec.maxReplicas'),
      ...valuesAt(object, 'spec.maxReplicaCount'),
    ]);

  it('the quota holds the largest number of pods, and one more of a new version', () => {
    const most = Math.max(2, ...scalers().map(Number));
    const others = podsOf(objects()).filter(({ owner }) => owner !== pod?.owner);
    for (const resource of ['cpu', 'memory', 'ephemeral-storage']) {
      const service = pod === undefined ? Number.NaN : asked(pod, resource) * (most + 1);
      const beside = others.reduce((sum, other) => sum + asked(other, resource), 0);
      expect(service + beside, resource).toBeLessThan(quantity(quota()[`requests.${resource}`]));
    }
    expect(most + 1 + others.length + OTHER_PODS).toBeLessThan(Number(quota()['pods']));
  });

  it('no container is larger than one may be', () => {
    const [max] = objects().flatMap((object) => valuesAt(object, 'spec.limits[].max')) as Record<
      string,
      string
    >[];
    const containers = podsOf(objects()).flatMap(containersOf);
    const larger = containers.filter(
      ({ resources }) => quantity(resources?.limits?.['memory'] ?? '0') > quantity(max?.['memory']),
    );
    expect(larger.map(({ name }) => name)).toEqual([]);
  });

  it('the service has a priority, of a class that bears the name of the namespace', () => {
    const [namespace] = objects().filter(({ kind }) => kind === 'Namespace');
    expect(pod?.spec.priorityClassName).toBe(namespace?.metadata.name);
  });
});
