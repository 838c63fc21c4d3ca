import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../service/config.js';
import { createAppFor } from '../../../service/test/support/app.js';
import { listCombinations } from '../support/combinations.js';
import { environmentOf, serviceContainer, servicePods, valuesAt } from '../support/pods.js';
import type { KubernetesObject } from '../support/render.js';
import { absent } from '../support/tools.js';

const MiB = 2 ** 20;
const PUBLIC = ['/docs', '/model', '/openapi.json', '/predict', '/predict/batch'];

interface Path {
  readonly path: string;
  readonly isPrefix: boolean;
}

/** What a gateway or an ingress lets in. */
function pathsOf(object: KubernetesObject): Path[] {
  const route = valuesAt(object, 'spec.rules[].matches[].path') as { type: string; value: string }[];
  const ingress = valuesAt(object, 'spec.rules[].http.paths[]') as { path: string; pathType: string }[];
  return [
    ...route.map(({ type, value }) => ({ path: value, isPrefix: type === 'PathPrefix' })),
    ...ingress.map(({ pathType, path }) => ({ path, isPrefix: pathType === 'Prefix' })),
  ];
}

const withDoors = listCombinations().filter(({ name }) => /overlay (?!local)|gateway|ingress/.test(name));

describe.skipIf(absent('kustomize')).each(withDoors)('in $name', ({ render }) => {
  const doors = () => render().objects.filter(({ kind }) => kind === 'HTTPRoute' || kind === 'Ingress');

  it('exactly the public paths are routed, to routes that exist', async () => {
    expect(doors().length).toBeGreaterThan(0);
    const { server } = await createAppFor();
    await server.ready();
    for (const door of doors()) {
      const paths = pathsOf(door);
      expect(paths.map(({ path }) => path).sort()).toEqual(PUBLIC);
      expect(paths.filter(({ isPrefix }) => isPrefix).map(({ path }) => path)).toEqual(['/docs']);
      const known = (url: string): boolean =>
        ['GET', 'POST'].some((method) => server.hasRoute({ method: method as 'GET' | 'POST', url }));
      expect(paths.filter(({ path }) => !known(path) && !known(`${path}/`))).toEqual([]);
    }
  });

  it('a batch as large as the service takes passes, as base64 too', () => {
    const { objects } = render();
    const [pod] = servicePods(objects);
    const { maxBatchBytes } = readConfig(pod ? environmentOf(objects, serviceContainer(pod)) : {});
    const sizes = objects.flatMap((object) => [
      ...valuesAt(object, 'spec.body.maxSize'),
      ...Object.entries(object.metadata.annotations ?? {})
        .filter(([name]) => name.endsWith('/proxy-body-size'))
        .map(([, value]) => value),
    ]);
    expect(sizes).toHaveLength(doors().length);
    const tooSmall = sizes.filter(
      (size) => Number.parseInt(String(size), 10) * MiB < (maxBatchBytes * 4) / 3,
    );
    expect(tooSmall).toEqual([]);
  });
});
