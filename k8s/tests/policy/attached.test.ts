import { describe, expect, it } from 'vitest';
import { isAllowed, type NetworkPolicy } from '../support/network-policy.js';
import { valuesAt } from '../support/pods.js';
import { renderKustomization } from '../support/render.js';
import { absent } from '../support/tools.js';

describe.skipIf(absent('kustomize'))('a service on the Gateway of another namespace', () => {
  const render = () =>
    renderKustomization({
      namespace: 'second',
      resources: ['base'],
      components: ['components/network-policy', 'components/gateway/attached', 'release'],
    }).objects;

  it('has a route to itself and its body limit, and no Gateway', () => {
    const objects = render();
    const kinds = objects.map(({ kind }) => kind);
    expect(kinds).toEqual(expect.arrayContaining(['HTTPRoute', 'ClientSettingsPolicy']));
    expect(kinds.filter((kind) => ['Gateway', 'NginxProxy'].includes(kind))).toEqual([]);
    const parents = objects.flatMap((object) => valuesAt(object, 'spec.parentRefs[]'));
    expect(parents).toMatchObject([{ name: 'cv-inference', namespace: 'cv-inference' }]);
  });

  it('is reached by the NGINX of that namespace, and by none elsewhere', () => {
    const policies = render().filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[];
    const to = {
      namespace: 'second',
      labels: { 'app.kubernetes.io/name': 'cv-inference' },
      ports: { http: 8080 },
    };
    const labels = { 'app.kubernetes.io/component': 'gateway', 'app.kubernetes.io/part-of': 'cv-inference' };
    const reached = ['cv-inference', 'second', 'default'].map((namespace) =>
      isAllowed(policies, { from: { namespace, labels }, to, port: 8080 }),
    );
    expect(reached).toEqual([true, false, false]);
  });
});
