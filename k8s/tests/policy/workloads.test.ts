import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { K8S, renderWithAllOn } from '../support/render.js';
import { absent } from '../support/tools.js';

const PLATFORM = readFileSync(join(K8S, '../infrastructure/modules/platform/main.tf'), 'utf8');
const WORKLOAD = /(\w+) = \{\n +namespaces += (\[.*\])\n +service_account += "(.*)"/g;

describe.skipIf(absent('kustomize'))('the ServiceAccounts that Terraform gives a role on AWS', () => {
  it('are those of the overlays, and one for pods that no overlay has', () => {
    const given = [...PLATFORM.matchAll(WORKLOAD)].flatMap(([, , namespaces = '', name]) =>
      (JSON.parse(namespaces) as string[]).map((namespace) => `${namespace}/${name}`),
    );
    const rendered = ['production', 'production-gpu', 'staging']
      .flatMap((overlay) => renderWithAllOn(`overlays/${overlay}`).objects)
      .filter(({ kind }) => kind === 'ServiceAccount')
      .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
    expect(given.filter((one) => !rendered.includes(one))).toEqual(['cv-inference/cv-inference-training']);
    expect(rendered.filter((one) => one.endsWith('/cv-inference') && !given.includes(one))).toEqual([]);
    expect(given).toHaveLength(5);
  });
});
