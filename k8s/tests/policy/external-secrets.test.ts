import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { valuesAt } from '../support/pods.js';
import { K8S, renderKustomization } from '../support/render.js';
import { absent } from '../support/tools.js';

function rendered(...components: readonly string[]) {
  const { objects } = renderKustomization({
    resources: ['base'],
    components: components.map((name) => `components/${name}`),
  });
  const ofKind = (kind: string) => objects.find((object) => object.kind === kind);
  return { store: ofKind('SecretStore'), secret: ofKind('ExternalSecret') };
}

describe.skipIf(absent('kustomize'))('external-secrets', () => {
  it("reads by the role of the service's account", () => {
    const { store } = rendered('external-secrets');
    expect(valuesAt(store, 'spec.provider.aws.auth.jwt.serviceAccountRef.name')).toEqual(['cv-inference']);
  });

  it("reads on EKS what the operator's own role may, and by that role", () => {
    const { store, secret } = rendered('external-secrets', 'external-secrets/eks');
    expect(valuesAt(store, 'spec.provider')).toEqual([
      { aws: { service: 'SecretsManager', region: 'eu-central-1' } },
    ]);
    const role = readFileSync(join(K8S, '../infrastructure/modules/eks/workloads.tf'), 'utf8');
    const [, allowed = ''] = /secret:\$\{var\.name\}(\S+)\*"/.exec(role) ?? [];
    expect(allowed).toBe('/');
    expect(valuesAt(secret, 'spec.dataFrom[].extract.key')).toEqual([
      `cv-inference-production${allowed}service`,
    ]);
  });
});
