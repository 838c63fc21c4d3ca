import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EXIT_CODES } from '../../../service/cli/outcome.js';
import { readTyped } from '../../../service/cli/predict/typed.js';
import { containersOf, podsOf, servicePods, valuesAt } from '../support/pods.js';
import { K8S, type KubernetesObject, type Kustomization, renderKustomization } from '../support/render.js';
import { absent } from '../support/tools.js';

const FOLDER = 'components/batch-predict';
const COMPONENT = { resources: ['base'], components: [FOLDER] };

/** What the component's README says to write into an overlay. */
function exampleOf(text: string): Pick<Kustomization, 'patches'> {
  const [, example = ''] = /```yaml\n(.*?)```/s.exec(text) ?? [];
  return parse(example);
}

describe.skipIf(absent('kustomize'))('batch-predict', () => {
  const objectsOf = (kustomization: Kustomization): readonly KubernetesObject[] =>
    absent('kustomize') ? [] : renderKustomization(kustomization).objects;
  const objects = objectsOf(COMPONENT);
  const example = exampleOf(readFileSync(join(K8S, FOLDER, 'README.md'), 'utf8'));
  const [pod] = podsOf(objects).filter(({ owner }) => owner.kind === 'Job');
  const [container] = pod === undefined ? [] : containersOf(pod);

  it.each([
    ['as it is', objects, 8, 's3://your-bucket/images/', 's3://your-bucket/answers/'],
    [
      'as its README says',
      objectsOf({ ...COMPONENT, ...example }),
      100,
      's3://your-bucket/scans/',
      's3://your-bucket/run-1/',
    ],
  ])(
    '%s runs the command with arguments that it takes, and every part has a pod',
    (_, rendered, parts, images, out) => {
      const [job] = podsOf(rendered).filter(({ owner }) => owner.kind === 'Job');
      expect(valuesAt(job?.owner, 'spec.completions')).toEqual([parts]);
      const typed = valuesAt(job?.spec, 'containers[].args[]') as string[];
      for (const index of Array(parts).keys()) {
        const [command, ...args] = typed.map((text) =>
          text.replace('$(JOB_COMPLETION_INDEX)', String(index)),
        );
        expect(command).toBe('predict');
        expect(readTyped(args)).toEqual({
          model: '-',
          images: [images],
          out,
          annotated: undefined,
          shard: { index, count: parts },
          ignoreFailed: true,
          parameters: {},
        });
      }
    },
  );

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
