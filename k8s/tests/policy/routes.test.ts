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

interface Listener {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

/** What a gateway lets in. */
function pathsOf(route: KubernetesObject): Path[] {
  const paths = valuesAt(route, 'spec.rules[].matches[].path') as { type: string; value: string }[];
  return paths.map(({ type, value }) => ({ path: value, isPrefix: type === 'PathPrefix' }));
}

const withDoors = listCombinations().filter(({ name }) => /overlay (?!local$)|gateway/.test(name));

describe.skipIf(absent('kustomize')).each(withDoors)('in $name', ({ render }) => {
  const routes = () => render().objects.filter(({ kind }) => kind === 'HTTPRoute');
  const doors = () => routes().filter((route) => valuesAt(route, 'spec.rules[].backendRefs[]').length > 0);

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

  it('where there is HTTPS the service is on it alone, and plain HTTP leads there', () => {
    const listeners = render().objects.flatMap((object) =>
      valuesAt(object, 'spec.listeners[]'),
    ) as Listener[];
    const secure = listeners.find(({ protocol }) => protocol === 'HTTPS');
    const sections = doors().flatMap((door) => valuesAt(door, 'spec.parentRefs[].sectionName'));
    expect(sections).toEqual(secure === undefined ? [] : [secure.name]);
    const redirects = routes().filter((route) => !doors().includes(route));
    expect(redirects.map((route) => valuesAt(route, 'spec.rules[].filters[].requestRedirect'))).toEqual(
      secure === undefined ? [] : [[{ scheme: 'https', statusCode: 301 }]],
    );
    expect(listeners.map(({ port }) => port)).toEqual(secure === undefined ? [80] : [80, 443]);
  });

  it('a batch as large as the service takes passes, as base64 too', () => {
    const { objects } = render();
    const [pod] = servicePods(objects);
    const { maxBatchBytes } = readConfig(pod ? environmentOf(objects, serviceContainer(pod)) : {});
    const sizes = objects.flatMap((object) => valuesAt(object, 'spec.body.maxSize'));
    expect(sizes).toHaveLength(doors().length);
    const tooSmall = sizes.filter(
      (size) => Number.parseInt(String(size), 10) * MiB < (maxBatchBytes * 4) / 3,
    );
    expect(tooSmall).toEqual([]);
  });
});
