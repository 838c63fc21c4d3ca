import { describe, expect, it } from 'vitest';
import { listCombinations } from '../support/combinations.js';
import { type Labels, matches, servicePods, valuesAt } from '../support/pods.js';
import { absent } from '../support/tools.js';

const AUTOSCALERS = ['HorizontalPodAutoscaler', 'ScaledObject'];
const WORKLOADS = ['Deployment', 'Rollout', 'InferenceService'];

interface Target {
  readonly kind: string;
  readonly name: string;
}

describe.skipIf(absent('kustomize')).each(listCombinations())('in $name', ({ render }) => {
  const autoscalers = () => render().objects.filter(({ kind }) => AUTOSCALERS.includes(kind));
  const workloads = () => servicePods(render().objects).map(({ owner }) => owner);

  it('the service is one object, which leaves its replicas to the autoscaler', () => {
    expect(workloads().map(({ kind }) => WORKLOADS.includes(kind))).toEqual([true]);
    expect(workloads().flatMap((workload) => valuesAt(workload, 'spec.replicas'))).toEqual([]);
  });

  it('at most one autoscaler scales it, between two pods and more', () => {
    const targets = autoscalers().flatMap((object) => valuesAt(object, 'spec.scaleTargetRef') as Target[]);
    const owners = workloads().map(({ kind, metadata }) => ({ kind, name: metadata.name }));
    expect(targets.length).toBeLessThanOrEqual(1);
    expect(owners).toMatchObject(
      targets.length === 0 ? owners : targets.map(({ kind, name }) => ({ kind, name })),
    );
    const bounds = autoscalers().flatMap((object) => [
      ...valuesAt(object, 'spec.minReplicas'),
      ...valuesAt(object, 'spec.minReplicaCount'),
      ...valuesAt(object, 'spec.maxReplicas'),
      ...valuesAt(object, 'spec.maxReplicaCount'),
    ]) as number[];
    expect(bounds).toEqual(targets.length === 0 ? [] : bounds.toSorted((a, b) => a - b));
    expect(bounds[0] ?? 2).toBeGreaterThanOrEqual(2);
  });

  it('a rollout takes no pod away before its successor is ready, except where there is a GPU to free', () => {
    const [strategy] = workloads().flatMap((workload) => [
      ...valuesAt(workload, 'spec.strategy.rollingUpdate'),
      ...valuesAt(workload, 'spec.strategy.canary'),
      ...valuesAt(workload, 'spec.predictor.deploymentStrategy.rollingUpdate'),
    ]) as { maxSurge: number | string; maxUnavailable: number }[];
    const onGpu = servicePods(render().objects).some(({ spec }) =>
      valuesAt(spec, 'containers[].resources.limits').some((limits) =>
        Object.keys(limits as object).includes('nvidia.com/gpu'),
      ),
    );
    const isCanary = workloads().some(({ kind }) => kind === 'Rollout');
    const { maxSurge, maxUnavailable } = strategy ?? {};
    const surge = isCanary ? '50%' : 1;
    expect([maxSurge, maxUnavailable]).toEqual(onGpu && !isCanary ? [0, 1] : [surge, 0]);
  });

  it('a drain takes one pod at a time and is never held up', () => {
    const [budget, ...others] = render().objects.filter(
      (object) =>
        object.kind === 'PodDisruptionBudget' &&
        (valuesAt(object, 'spec.selector.matchLabels') as Labels[]).some((selector) =>
          servicePods(render().objects).some(({ labels }) => matches(selector, labels)),
        ),
    );
    expect(others).toEqual([]);
    expect(budget?.['spec']).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' });
  });
});
