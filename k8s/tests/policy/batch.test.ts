import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../../service/cli/outcome.js';
import { readTyped } from '../../../service/cli/predict/typed.js';
import { containersOf, environmentOf, podsOf, servicePods, valuesAt } from '../support/pods.js';
import { renderKustomization } from '../support/render.js';
import { absent } from '../support/tools.js';

describe.skipIf(absent('kustomize'))('batch-predict', () => {
  const { objects } = absent('kustomize')
    ? { objects: [] }
    : renderKustomization({ resources: ['base'], components: ['components/batch-predict'] });
  const [pod] = podsOf(objects).filter(({ owner }) => owner.kind === 'Job');
  const [container] = pod === undefined ? [] : containersOf(pod);
  const argumentsOf = (index: number): string[] => {
    if (container === undefined) throw new Error('no container');
    const environment = { ...environmentOf(objects, container), JOB_COMPLETION_INDEX: String(index) };
    const args = valuesAt(container, 'args[]') as string[];
    return args.map((text) =>
      text.replace(/\$\((\w+)\)/g, (all, name) => Reflect.get(environment, name) ?? all),
    );
  };

  it('runs the command with arguments that it takes, and every part has a pod', () => {
    const [completions] = valuesAt(pod?.owner, 'spec.completions') as number[];
    for (const index of Array(completions).keys()) {
      const [command, ...args] = argumentsOf(index);
      expect(command).toBe('predict');
      expect(readTyped(args)).toEqual({
        model: '-',
        images: ['s3://your-bucket/images/'],
        out: 's3://your-bucket/answers/',
        annotated: undefined,
        shard: { index, count: completions },
        ignoreFailed: true,
        parameters: {},
      });
    }
  });

  it('gives up at once where the command is wrong, and only there', () => {
    const codes = valuesAt(pod?.owner, 'spec.podFailurePolicy.rules[].onExitCodes.values[]');
    expect(codes).toEqual([EXIT_CODES.usage]);
  });

  it('has the image, the settings and the account of the service, and none of its traffic', () => {
    const [service] = servicePods(objects);
    expect(service && containersOf(service).map(({ image }) => image)).toEqual([container?.image]);
    expect(pod?.spec.serviceAccountName).toBe(service?.spec.serviceAccountName);
    const settings = service && containersOf(service).flatMap(({ envFrom }) => envFrom?.[0]);
    expect(container?.envFrom?.[0]).toEqual(settings?.[0]);
  });
});
